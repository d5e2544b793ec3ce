// A stream: slots, the lanes they are played on, and who plays them.
#pragma once

#include "stream/handoff.hpp"
#include "stream/pipeline.hpp"
#include "stream/player.hpp"
#include "stream/slot.hpp"
#include "stream/statistics.hpp"
#include "stream/tracks.hpp"

#include <facedge/facedge.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace facedge {

// Functions return a facedge_code after fail(); FACEDGE_EAGAIN leaves the text alone. Structures
// are those of the interface with their sizes checked, pointers are not null.
class Stream {
public:
    static Status open(const facedge_stream_settings& settings,
                       std::unique_ptr<facedge_stream>& out);
    Stream(Pipeline pipeline, const facedge_stream_settings& settings);
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream();  // finishes what is under way

    int submit(const facedge_frame& frame, const facedge_roi* rois, size_t n_rois);
    int submit_faces(const facedge_faces& faces);
    int poll(facedge_result& result);
    int wait(int timeout_ms);
    int fd();
    int reset(uint64_t track);
    int get_state(uint64_t track, float* values, size_t floats);
    int set_state(uint64_t track, const float* values, size_t floats);
    void stats(facedge_stats& stats) const { statistics_.read(stats); }
    bool takes_cuda() const { return takes_cuda_; }
    int result_cuda(const facedge_result& result, const void*& restored) const;

    // Whether the calling thread is the one that plays the frames.
    bool on_worker() const { return worker_.get_id() == std::this_thread::get_id(); }

    // The thread inside a call; none: anybody may enter.
    std::atomic<std::thread::id> owner{std::thread::id()};

private:
    Status open_lanes();
    Status open_lane(const Model& model, Lane*& lane);
    Status start_worker();
    void work();
    void play(Slot& slot);

    Slot& slot_of(uint64_t frame) { return slots_[static_cast<size_t>(frame % slots_.size())]; }
    const Slot& slot_of(uint64_t frame) const {
        return slots_[static_cast<size_t>(frame % slots_.size())];
    }
    int refuse_when_full();
    int check_count(size_t count) const;
    int check_tracks(const Slot& slot) const;
    int check_memory(const facedge_frame& frame) const;
    int check_faces(const facedge_faces& faces) const;
    int align_faces(const facedge_frame& frame, const facedge_roi* rois, Slot& slot) const;
    int check_state(size_t floats) const;
    void accept(Slot& slot);

    const Pipeline pipeline_;
    const bool inline_;
    bool takes_cuda_ = false;
    std::vector<std::unique_ptr<Lane>> lanes_;  // in the order of opening; closed from the back
    std::vector<Slot> slots_;                   // those under way or unpolled, and the polled one
    Tracks tracks_;
    Player player_;
    Statistics statistics_;
    Handoff handoff_;
    std::thread worker_;
};

}  // namespace facedge

struct facedge_stream : facedge::Stream {
    using Stream::Stream;
};
