#include "stream/stream.hpp"

#include "log.hpp"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace facedge {

Stream::Stream(Pipeline pipeline, const facedge_stream_settings& settings)
    : pipeline_(std::move(pipeline)), inline_(settings.mode == FACEDGE_MODE_INLINE),
      tracks_(settings.max_tracks, settings.max_missed, settings.max_gap_us),
      player_(pipeline_, settings.max_tracks),
      statistics_(pipeline_.sr != nullptr, pipeline_.au != nullptr),
      handoff_(static_cast<uint64_t>(std::max(settings.depth, 1))) {
    // One more than may be under way: the result polled last stays valid meanwhile. With depth 0
    // one is all there is.
    const auto count = static_cast<size_t>(settings.depth) + 1;
    slots_.reserve(count);
    while (slots_.size() < count) slots_.emplace_back(settings.max_faces);
}

Status Stream::open(const facedge_stream_settings& settings, std::unique_ptr<facedge_stream>& out) {
    Pipeline pipeline;
    if (Status status = make_pipeline(settings, pipeline); !status) return status;
    auto stream = std::make_unique<facedge_stream>(std::move(pipeline), settings);
    if (Status status = stream->open_lanes(); !status) return status;
    if (!stream->inline_) {
        if (Status status = stream->start_worker(); !status) return status;
    }
    out = std::move(stream);
    return {};
}

Stream::~Stream() {
    if (worker_.joinable()) {
        handoff_.stop();
        worker_.join();
    }
    while (!lanes_.empty()) lanes_.pop_back();
}

Status Stream::open_lanes() {
    takes_cuda_ = true;
    for (Slot& slot : slots_) {
        if (pipeline_.sr) {
            if (Status status = open_lane(*pipeline_.sr, slot.sr.lane); !status) return status;
            takes_cuda_ &= can_crop(slot.sr.lane->table());
        }
        if (pipeline_.au) {
            if (Status status = open_lane(*pipeline_.au, slot.au.lane); !status) return status;
            takes_cuda_ &= !pipeline_.au_reads_frame() || can_crop(slot.au.lane->table());
        }
    }
    return {};
}

Status Stream::open_lane(const Model& model, Lane*& lane) {
    // One thread plays one frame after the other, so no two lanes of a stream run at once.
    Lane* peer = nullptr;
    for (const auto& other : lanes_) {
        if (&other->table() == &model.engine().table()) peer = other.get();
    }
    std::unique_ptr<Lane> opened;
    Status status = Lane::open(model.engine(), pipeline_.batches, peer, opened);
    if (!status) {
        return {status.code(), model.manifest().name + " cannot be prepared for " +
                                   std::to_string(pipeline_.batches.back()) +
                                   " faces: " + status.message()};
    }
    lane = opened.get();
    lanes_.push_back(std::move(opened));
    return {};
}

Status Stream::start_worker() {
    // The program's signal handlers run on its own threads.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    Status status;
    try {
        worker_ = std::thread(&Stream::work, this);
        pthread_setname_np(worker_.native_handle(), "facedge");
    } catch (const std::system_error& error) {
        status = {FACEDGE_EIO, std::string("the worker thread cannot be started: ") + error.what() +
                                   "; end other threads or use FACEDGE_MODE_INLINE"};
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return status;
}

void Stream::work() {
    for (uint64_t frame = 0; handoff_.next(frame);) play(slot_of(frame));
}

void Stream::play(Slot& slot) {
    player_.play(slot);
    if (slot.status == FACEDGE_OK) {
        statistics_.count_finished(slot.count, slot.times);
    } else {
        statistics_.count_failed();
        log(FACEDGE_LOG_WARNING, "%s", slot.message);
    }
    handoff_.finish();
}

int Stream::poll(facedge_result& result) {
    if (!handoff_.ready()) return FACEDGE_EAGAIN;
    const Slot& slot = slot_of(handoff_.polled());
    const bool good = slot.status == FACEDGE_OK;
    result.status = slot.status;
    result.reserved = 0;
    result.message = slot.message;
    result.frame = slot.frame;
    result.timestamp_us = slot.timestamp_us;
    result.faces = good ? slot.faces.data() : nullptr;
    result.n_faces = good ? slot.count : 0;
    result.wait_us = slot.times.wait_us;
    result.crop_us = slot.times.crop_us;
    result.sr_us = slot.times.sr_us;
    result.au_us = slot.times.au_us;
    result.total_us = slot.times.total_us;
    handoff_.take();
    return FACEDGE_OK;
}

int Stream::wait(int timeout_ms) {
    return handoff_.wait_ready(timeout_ms) ? FACEDGE_OK : FACEDGE_EAGAIN;
}

int Stream::fd() {
    const int fd = handoff_.fd();
    if (fd >= 0) return fd;
    return fail(FACEDGE_EIO,
                "no eventfd can be made: %s; close files or raise the limit of open "
                "files",
                std::strerror(errno));
}

int Stream::reset(uint64_t track) {
    if (track == FACEDGE_ALL_TRACKS) tracks_.forget_all();
    else tracks_.forget(track);
    return FACEDGE_OK;
}

int Stream::check_state(size_t floats) const {
    const size_t expected = pipeline_.state_floats();
    if (expected == 0) {
        return fail(FACEDGE_EINVAL, "the stream's models carry no hidden state; build the bundle "
                                    "with --state to carry one");
    }
    if (floats != expected) {
        return fail(FACEDGE_EINVAL,
                    "floats is %zu, expected %zu, the state_floats of the stream's "
                    "models",
                    floats, expected);
    }
    return handoff_.idle() ? FACEDGE_OK : FACEDGE_EAGAIN;
}

int Stream::get_state(uint64_t track, float* values, size_t floats) {
    if (int code = check_state(floats)) return code;
    const int32_t state = tracks_.find(track);
    if (state < 0 || player_.states().lost(state)) {
        return fail(FACEDGE_EINVAL,
                    "track %llu has no hidden state: it was never seen, forgotten, "
                    "or its last frame failed",
                    static_cast<unsigned long long>(track));
    }
    std::copy_n(player_.states().at(state), floats, values);
    return FACEDGE_OK;
}

int Stream::set_state(uint64_t track, const float* values, size_t floats) {
    if (int code = check_state(floats)) return code;
    const int32_t state = tracks_.adopt(track, handoff_.accepted());
    std::copy_n(values, floats, player_.states().at(state));
    player_.states().set_lost(state, false);
    return FACEDGE_OK;
}

int Stream::result_cuda(const facedge_result& result, const void*& restored) const {
    restored = nullptr;
    const uint64_t polled = handoff_.polled();
    const Slot& slot = slot_of(result.frame);
    if (polled == 0 || result.frame != polled - 1 || slot.frame != result.frame) {
        return fail(FACEDGE_EINVAL,
                    "the result is of frame %llu and no longer the one polled last; "
                    "ask before the next facedge_poll",
                    static_cast<unsigned long long>(result.frame));
    }
    if (slot.sr && slot.status == FACEDGE_OK && result.n_faces > 0) {
        const int32_t tensor = pipeline_.sr->network().restored;
        restored = slot.sr.lane->buffers().device_outputs[tensor];
    }
    return FACEDGE_OK;
}

}  // namespace facedge
