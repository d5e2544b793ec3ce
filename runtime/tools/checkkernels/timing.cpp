#include "timing.hpp"

#include <algorithm>

namespace facedge::check {
namespace {

constexpr int kWarmUp = 20, kRuns = 400;

Timing time_sample(Cropper& cropper, const Sample& sample, std::string subject) {
    Crops crops;
    cropper.load(sample);
    for (int i = 0; i < kWarmUp; ++i) cropper.run(crops);
    std::vector<double> times;
    for (int i = 0; i < kRuns; ++i) times.push_back(cropper.run(crops));
    std::sort(times.begin(), times.end());
    return {std::move(subject), kRuns, times[kRuns / 2], times[kRuns * 99 / 100]};
}

}  // namespace

std::vector<Timing> time_crops(Cropper& cropper, uint64_t seed) {
    struct Crop {
        Framing framing;
        int side;
    };
    std::mt19937_64 random(seed);
    std::vector<Timing> timings;
    for (int format = FACEDGE_FORMAT_NV12; format <= FACEDGE_FORMAT_GRAY8; ++format) {
        for (const Crop crop : {Crop{Framing::kFace, 16}, Crop{Framing::kFace, 32},
                                Crop{Framing::kUnits, 176}}) {
            for (const int face : {100, 250, 500}) {
                const Sample sample = camera_sample(static_cast<facedge_format>(format),
                                                    crop.framing, crop.side, face, random);
                const std::string side = std::to_string(crop.side);
                timings.push_back(time_sample(
                    cropper, sample,
                    std::string(format_name(format)) + " 1920x1080, 4 faces of " +
                        std::to_string(face) + " to " + side + "x" + side));
            }
        }
    }
    return timings;
}

}  // namespace facedge::check
