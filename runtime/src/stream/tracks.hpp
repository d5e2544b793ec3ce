// Hidden states of the faces a stream follows.
//
// Which state a face uses and whether it starts afresh depends on the order of submission alone, so
// Tracks decides it when a frame is submitted, on the caller's thread; the floats in StateBank are
// touched by whoever runs the inference, frame after frame. Thus neither needs a lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace facedge {

// What Tracks decided for one face.
struct TrackUse {
    int32_t state = -1;  // index in the StateBank
    bool fresh = false;  // starts with zeros
};

class Tracks {
public:
    // max_missed and max_gap_us are those of facedge_stream_settings.
    Tracks(int32_t capacity, int32_t max_missed, int64_t max_gap_us);

    // Decides for the faces of frame number `frame`; `ids` are distinct and at most `capacity`.
    void assign(const uint64_t* ids, size_t count, uint64_t frame, int64_t timestamp_us,
                TrackUse* uses);

    // The state of a track, -1 if it has none.
    int32_t find(uint64_t id) const;

    // Gives a track a state that no gap is measured from: its next frame, from number
    // `next_frame` on, goes on with it.
    int32_t adopt(uint64_t id, uint64_t next_frame);

    void forget(uint64_t id);
    void forget_all();

private:
    struct Entry {
        uint64_t id = 0;
        bool taken = false;
        bool timed = false;        // timestamp_us is that of a frame
        uint64_t next_frame = 0;   // number of the frame after the track's last
        int64_t timestamp_us = 0;  // of the track's last frame
        uint64_t used = 0;         // when last, counted in calls
    };

    bool continues(const Entry& entry, uint64_t frame, int64_t timestamp_us) const;
    int32_t claim(uint64_t id);

    std::vector<Entry> entries_;
    int32_t max_missed_;
    int64_t max_gap_us_;
    uint64_t calls_ = 0;
};

// The floats, and which of them were lost to a failure.
class StateBank {
public:
    StateBank(int32_t capacity, size_t floats);

    size_t floats() const { return floats_; }
    float* at(int32_t state) { return values_.data() + floats_ * static_cast<size_t>(state); }
    bool lost(int32_t state) const { return lost_[static_cast<size_t>(state)]; }
    void set_lost(int32_t state, bool lost) { lost_[static_cast<size_t>(state)] = lost; }

private:
    size_t floats_;
    std::vector<float> values_;
    std::vector<unsigned char> lost_;
};

}  // namespace facedge
