#include "stream/player.hpp"

#include "stream/describe.hpp"
#include "stream/failure.hpp"
#include "stream/rows.hpp"

#include <algorithm>
#include <utility>

namespace facedge {
namespace {

uint32_t microseconds(Clock::duration time) {
    using std::chrono::microseconds;
    const int64_t count = std::chrono::duration_cast<microseconds>(time).count();
    return static_cast<uint32_t>(std::clamp<int64_t>(count, 0, UINT32_MAX));
}

// The time since the last lap.
class Stopwatch {
public:
    uint32_t lap() {
        const Clock::time_point now = Clock::now();
        return microseconds(now - std::exchange(last_, now));
    }

private:
    Clock::time_point last_ = Clock::now();
};

}  // namespace

Player::Player(const Pipeline& pipeline, int32_t max_tracks)
    : pipeline_(pipeline), cropper_(pipeline), states_(max_tracks, pipeline.state_floats()) {}

void Player::play(Slot& slot) {
    slot.status = FACEDGE_OK;
    slot.message[0] = '\0';
    slot.times = {};
    slot.times.wait_us = microseconds(Clock::now() - slot.accepted);
    const bool stateful = states_.floats() > 0;
    for (size_t i = 0; stateful && i < slot.count; ++i)
        slot.uses[i].fresh |= states_.lost(slot.uses[i].state);

    if (slot.count > 0) run(slot);
    cropper_.finish(slot);  // also of a frame that failed or has no faces
    cropper_.take_back(slot);

    for (size_t i = 0; stateful && i < slot.count; ++i)
        states_.set_lost(slot.uses[i].state, slot.status != FACEDGE_OK);
    if (slot.status == FACEDGE_OK) describe_faces(pipeline_, slot);
    slot.times.total_us = microseconds(Clock::now() - slot.accepted);
}

facedge_code Player::run(Slot& slot) {
    Stopwatch watch;
    if (facedge_code code = cropper_.read(slot)) return code;
    slot.times.crop_us = watch.lap();
    if (pipeline_.sr) {
        if (facedge_code code = infer(slot, *pipeline_.sr, slot.sr, 0)) return code;
        slot.times.sr_us = watch.lap();
    }
    if (!pipeline_.au) return FACEDGE_OK;
    if (pipeline_.au_from_restored) {
        cropper_.crop_restored(slot);
        slot.times.crop_us += watch.lap();
    }
    const facedge_code code = infer(slot, *pipeline_.au, slot.au, pipeline_.sr_state_floats());
    slot.times.au_us = watch.lap();
    return code;
}

facedge_code Player::infer(Slot& slot, const Model& model, Part& part, size_t state_offset) {
    Lane& lane = *part.lane;
    const facedge_backend_table& table = lane.table();
    const Network& network = model.network();
    if (network.state_floats > 0) write_states(slot, network, lane, state_offset);
    facedge_error error;
    error.text[0] = '\0';
    if (int code = table.enqueue(lane.get(), batch_index(pipeline_, slot), &error))
        return fail_slot(slot, model, code, error);
    part.cropped = false;
    // With crops on the GPU the camera gets its buffer back while the inference runs.
    const facedge_code read = cropper_.finish(slot);
    if (int code = table.wait(lane.get(), &error)) return fail_slot(slot, model, code, error);
    if (network.state_floats > 0) keep_states(slot, network, lane, state_offset);
    return read;
}

void Player::write_states(const Slot& slot, const Network& network, Lane& lane,
                          size_t state_offset) {
    float* rows = input_rows<float>(lane, network.state_in);
    for (size_t i = 0; i < slot.count; ++i) {
        float* row = rows + i * network.state_floats;
        if (slot.uses[i].fresh) {
            std::fill_n(row, network.state_floats, 0.0f);
        } else {
            std::copy_n(states_.at(slot.uses[i].state) + state_offset, network.state_floats, row);
        }
    }
    fill_up(pipeline_, slot, rows, network.state_floats * sizeof(float));
}

void Player::keep_states(const Slot& slot, const Network& network, const Lane& lane,
                         size_t state_offset) {
    const float* rows = output_rows<float>(lane, network.state_out);
    for (size_t i = 0; i < slot.count; ++i) {
        std::copy_n(rows + i * network.state_floats, network.state_floats,
                    states_.at(slot.uses[i].state) + state_offset);
    }
}

}  // namespace facedge
