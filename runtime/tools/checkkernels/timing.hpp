// How long crops of a camera frame take.
#pragma once

#include "cropper.hpp"

#include <vector>

namespace facedge::check {

struct Timing {
    std::string subject;  // such as "NV12 1920x1080, 4 faces of 250 to 16x16"
    int runs;
    double p50_us, p99_us;
};

// Four faces of a 1920x1080 frame, per format, crop and width of the face.
std::vector<Timing> time_crops(Cropper& cropper, uint64_t seed);

}  // namespace facedge::check
