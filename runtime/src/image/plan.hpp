// How far a crop reduces, and in which steps. CPU and CUDA crops take it from here, so that a
// reduction by a whole number falls on the same side everywhere.
#pragma once

#include <facedge/facedge_backend.h>

#include <algorithm>
#include <cmath>

namespace facedge {

struct CropPlan {
    int block;      // f: frame pixels of a block's side
    float stretch;  // t: blocks of a crop pixel's side, at least 1
    int taps;       // blocks in x and in y that one crop pixel may weigh, at most 16
};

// s = frame pixels per crop pixel. Bicubic: at least two blocks per crop pixel, which costs little
// of the kernel's shape; 2 <= t < 4 once s >= 2. Area: about one, never fewer than 3/4; t < 1.5.
inline CropPlan crop_plan(facedge_filter filter, const float to_frame[6]) {
    // Products of two floats are exact in double: no compiler's contraction changes s.
    const double a = to_frame[0], b = to_frame[3];
    const double s = std::sqrt(a * a + b * b);
    const bool bicubic = filter == FACEDGE_FILTER_BICUBIC;
    constexpr double kNearlyWhole = 1e-4;  // 7.99999 is 8
    const int block =
        std::max(1, static_cast<int>(std::min((bicubic ? s / 2 : s + 0.5) + kNearlyWhole, 1e6)));
    const float stretch = std::max(1.0f, static_cast<float>(s / block));
    const int taps = bicubic ? static_cast<int>(std::ceil(4 * stretch)) : (stretch > 1 ? 3 : 2);
    return {block, stretch, taps};
}

}  // namespace facedge
