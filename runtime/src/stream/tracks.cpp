#include "stream/tracks.hpp"

namespace facedge {

Tracks::Tracks(int32_t capacity, int32_t max_missed, int64_t max_gap_us)
    : entries_(static_cast<size_t>(capacity)), max_missed_(max_missed), max_gap_us_(max_gap_us) {}

void Tracks::assign(const uint64_t* ids, size_t count, uint64_t frame, int64_t timestamp_us,
                    TrackUse* uses) {
    ++calls_;
    // Known tracks first: a new one must not push out a track of the same frame.
    for (size_t i = 0; i < count; ++i) {
        const int32_t state = find(ids[i]);
        uses[i] = {state, true};
        if (state < 0) continue;
        Entry& entry = entries_[static_cast<size_t>(state)];
        uses[i].fresh = !continues(entry, frame, timestamp_us);
        entry.used = calls_;
    }
    for (size_t i = 0; i < count; ++i) {
        if (uses[i].state < 0) uses[i].state = claim(ids[i]);
        Entry& entry = entries_[static_cast<size_t>(uses[i].state)];
        entry.timed = true;
        entry.next_frame = frame + 1;
        entry.timestamp_us = timestamp_us;
    }
}

bool Tracks::continues(const Entry& entry, uint64_t frame, int64_t timestamp_us) const {
    if (frame - entry.next_frame > static_cast<uint64_t>(max_missed_)) return false;
    if (!entry.timed) return true;
    int64_t gap = 0;
    if (__builtin_sub_overflow(timestamp_us, entry.timestamp_us, &gap)) return false;
    return gap >= 0 && gap <= max_gap_us_;
}

int32_t Tracks::find(uint64_t id) const {
    for (size_t i = 0; i < entries_.size(); ++i) {
        if (entries_[i].taken && entries_[i].id == id) return static_cast<int32_t>(i);
    }
    return -1;
}

int32_t Tracks::claim(uint64_t id) {
    size_t best = 0;
    for (size_t i = 0; i < entries_.size(); ++i) {
        if (!entries_[i].taken) {
            best = i;
            break;
        }
        if (entries_[i].used < entries_[best].used) best = i;
    }
    Entry& entry = entries_[best];
    entry = Entry{};
    entry.id = id;
    entry.taken = true;
    entry.used = calls_;
    return static_cast<int32_t>(best);
}

int32_t Tracks::adopt(uint64_t id, uint64_t next_frame) {
    ++calls_;
    const int32_t found = find(id);
    const int32_t state = found >= 0 ? found : claim(id);
    Entry& entry = entries_[static_cast<size_t>(state)];
    entry.used = calls_;
    entry.timed = false;
    entry.next_frame = next_frame;
    return state;
}

void Tracks::forget(uint64_t id) {
    const int32_t state = find(id);
    if (state >= 0) entries_[static_cast<size_t>(state)].taken = false;
}

void Tracks::forget_all() {
    for (Entry& entry : entries_) entry.taken = false;
}

StateBank::StateBank(int32_t capacity, size_t floats)
    : floats_(floats), values_(floats * static_cast<size_t>(capacity)),
      lost_(static_cast<size_t>(capacity)) {}

}  // namespace facedge
