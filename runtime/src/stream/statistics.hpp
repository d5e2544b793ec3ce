// Counters and the last times of a stream. One thread records, any thread reads; no locks.
#pragma once

#include <facedge/facedge.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace facedge {

// The last 512 values of one stage, in microseconds. A reader that meets a value being replaced sees
// the old or the new one.
class TimeRing {
public:
    void record(uint32_t microseconds);
    facedge_times summary() const;  // nearest-rank percentiles; zeros while it is empty

private:
    static constexpr size_t kKept = 512;
    std::array<std::atomic<uint32_t>, kKept> values_{};
    std::atomic<uint64_t> recorded_{0};
};

// How long a frame took, from its acceptance on.
struct StageTimes {
    uint32_t wait_us = 0, crop_us = 0, sr_us = 0, au_us = 0, total_us = 0;
};

class Statistics {
public:
    Statistics(bool has_sr, bool has_au) : has_sr_(has_sr), has_au_(has_au) {}

    void count_accepted() { add(accepted_, 1); }  // by the caller's thread
    void count_refused() { add(refused_, 1); }
    void count_failed();  // by whoever plays the frames
    void count_finished(size_t faces, const StageTimes& times);

    void read(facedge_stats& out) const;

private:
    using Counter = std::atomic<uint64_t>;
    static void add(Counter& counter, uint64_t count) {
        counter.fetch_add(count, std::memory_order_relaxed);
    }

    bool has_sr_, has_au_;
    Counter accepted_{0}, finished_{0}, failed_{0}, refused_{0}, faces_{0};
    TimeRing wait_, crop_, sr_, au_, total_;
};

}  // namespace facedge
