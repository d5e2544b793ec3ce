#include "stream/statistics.hpp"

#include <algorithm>

namespace facedge {

void TimeRing::record(uint32_t microseconds) {
    const uint64_t at = recorded_.load(std::memory_order_relaxed);
    values_[at % kKept].store(microseconds, std::memory_order_relaxed);
    recorded_.store(at + 1, std::memory_order_release);
}

facedge_times TimeRing::summary() const {
    const uint64_t recorded = recorded_.load(std::memory_order_acquire);
    const size_t count = static_cast<size_t>(std::min<uint64_t>(recorded, kKept));
    if (count == 0) return {};
    std::array<uint32_t, kKept> sorted;
    for (size_t i = 0; i < count; ++i) sorted[i] = values_[i].load(std::memory_order_relaxed);
    std::sort(sorted.begin(), sorted.begin() + static_cast<ptrdiff_t>(count));
    const auto percentile = [&](size_t percent) {
        return sorted[(count * percent + 99) / 100 - 1];
    };
    return {percentile(50), percentile(99), sorted[count - 1]};
}

void Statistics::count_failed() {
    add(finished_, 1);
    add(failed_, 1);
}

void Statistics::count_finished(size_t faces, const StageTimes& times) {
    add(finished_, 1);
    add(faces_, faces);
    wait_.record(times.wait_us);
    total_.record(times.total_us);
    if (faces == 0) return;  // nothing was cropped or played
    crop_.record(times.crop_us);
    if (has_sr_) sr_.record(times.sr_us);
    if (has_au_) au_.record(times.au_us);
}

void Statistics::read(facedge_stats& out) const {
    out.accepted = accepted_.load(std::memory_order_relaxed);
    out.finished = finished_.load(std::memory_order_relaxed);
    out.failed = failed_.load(std::memory_order_relaxed);
    out.refused = refused_.load(std::memory_order_relaxed);
    out.faces = faces_.load(std::memory_order_relaxed);
    out.wait = wait_.summary();
    out.crop = crop_.summary();
    out.sr = sr_.summary();
    out.au = au_.summary();
    out.total = total_.summary();
}

}  // namespace facedge
