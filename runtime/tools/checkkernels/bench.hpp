// How long crops take.
#pragma once

#include "gpu.hpp"

namespace facedge::checkkernels {

// Median of many, for all faces of a 1920x1080 frame on one core or on the GPU.
struct Timing {
    std::string what;  // "baseline", "avx2", "gpu"
    facedge_format format;
    facedge_filter filter;
    int side;  // of a crop
    int face;  // frame pixels of a face's width
    int faces;
    double microseconds;
};

// Every format at one size, and NV12 at every size. `gpu` may be null.
std::vector<Timing> measure(uint64_t seed, Gpu* gpu);

}  // namespace facedge::checkkernels
