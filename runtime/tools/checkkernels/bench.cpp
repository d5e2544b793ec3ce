#include "bench.hpp"

#include "image/loops.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>

namespace facedge::checkkernels {
namespace {

constexpr int kWidth = 1920, kHeight = 1080, kFaces = 4;
// The eyes are 49 pixels apart where a detector's box is 94 wide, as it is on the 128x128 framing.
constexpr double kEyesPerFace = 49.0 / 94.0;
constexpr double kEyesPerFaceCrop = 49.0 / 128.0, kEyesPerUnitsCrop = 69.0 / 176.0;

struct Setting {
    facedge_format format;
    facedge_filter filter;
    int side, face;
};

std::vector<Setting> settings() {
    std::vector<Setting> all;
    for (const auto& [filter, side] : {std::pair{FACEDGE_FILTER_BICUBIC, 16},
                                       {FACEDGE_FILTER_BICUBIC, 32},
                                       {FACEDGE_FILTER_AREA, 176}}) {
        for (int face : {100, 250, 500}) all.push_back({FACEDGE_FORMAT_NV12, filter, side, face});
    }
    for (const auto format : {FACEDGE_FORMAT_NV21, FACEDGE_FORMAT_YUYV, FACEDGE_FORMAT_RGB24,
                              FACEDGE_FORMAT_BGR24, FACEDGE_FORMAT_GRAY8}) {
        all.push_back({format, FACEDGE_FILTER_BICUBIC, 16, 250});
        all.push_back({format, FACEDGE_FILTER_AREA, 176, 250});
    }
    return all;
}

OwnedFrame noise(facedge_format format, uint64_t seed) {
    const bool yuv = format == FACEDGE_FORMAT_NV12 || format == FACEDGE_FORMAT_NV21 ||
                     format == FACEDGE_FORMAT_YUYV;
    OwnedFrame frame(format, yuv ? FACEDGE_MATRIX_BT709 : FACEDGE_MATRIX_IDENTITY,
                     yuv ? FACEDGE_RANGE_LIMITED : FACEDGE_RANGE_FULL, kWidth, kHeight, 0);
    std::mt19937_64 random(seed);
    for (int i = 0; i < plane_count(format); ++i) {
        for (uint8_t& value : frame.plane(i)) value = static_cast<uint8_t>(random());
    }
    return frame;
}

// Faces in the quarters of the frame, upright or turned by 10 degrees.
std::vector<Similarity> places(const Setting& setting) {
    const double share =
        setting.filter == FACEDGE_FILTER_BICUBIC ? kEyesPerFaceCrop : kEyesPerUnitsCrop;
    const double scale = setting.face * kEyesPerFace / (share * setting.side);
    std::vector<Similarity> all;
    for (int i = 0; i < kFaces; ++i) {
        all.push_back(place(scale, i % 2 ? 0.1745 : 0, kWidth * (i % 2 ? 0.75 : 0.25),
                            kHeight * (i / 2 ? 0.75 : 0.25), setting.side, setting.side));
    }
    return all;
}

double microseconds(const OwnedFrame& frame, const Setting& setting) {
    using Clock = std::chrono::steady_clock;
    const std::vector<Similarity> all = places(setting);
    std::vector<uint8_t> rgb(size_t{3} * static_cast<size_t>(setting.side) *
                             static_cast<size_t>(setting.side));
    const std::unique_ptr<void, decltype(&std::free)> scratch(
        std::aligned_alloc(64, crop_scratch_bytes(setting.side, setting.side)), &std::free);
    std::vector<double> taken;
    const Clock::time_point start = Clock::now();
    while (taken.size() < 64 ||
           (taken.size() < 1024 && Clock::now() - start < std::chrono::milliseconds(500))) {
        const Clock::time_point begin = Clock::now();
        for (const Similarity& to_frame : all) {
            crop(frame.view(), to_frame, setting.filter, setting.side, setting.side, rgb.data(),
                 scratch.get());
        }
        taken.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
    }
    std::sort(taken.begin(), taken.end());
    return taken[taken.size() / 2];
}

}  // namespace

std::vector<Timing> measure(uint64_t seed, Gpu* gpu) {
    std::vector<Timing> timings;
    NamedLoops kinds[kMaxLoops];
    const int n_kinds = all_loops(kinds);
    for (const Setting& setting : settings()) {
        const OwnedFrame frame = noise(setting.format, seed);
        const auto note = [&](const std::string& what, double time) {
            timings.push_back(
                {what, setting.format, setting.filter, setting.side, setting.face, kFaces, time});
        };
        for (int i = 0; i < n_kinds; ++i) {
            use_loops(*kinds[i].loops);
            note(kinds[i].name, microseconds(frame, setting));
        }
        if (gpu) {
            note("gpu", 1000 * gpu->milliseconds(frame, places(setting), setting.filter,
                                                 setting.side, setting.side, 200));
        }
    }
    use_loops(fastest_loops());
    return timings;
}

}  // namespace facedge::checkkernels
