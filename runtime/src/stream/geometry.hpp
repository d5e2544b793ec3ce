// Similarities in a row: crop -> frame, restored face -> crop, action-unit crop -> restored face.
#pragma once

#include "image/image.hpp"

namespace facedge {

inline constexpr Similarity kIdentity = {{1, 0, 0, 0, 1, 0}};

// x -> outer(inner(x)).
inline Similarity compose(const Similarity& outer, const Similarity& inner) {
    const float* a = outer.m;
    const float* b = inner.m;
    return {{a[0] * b[0] + a[1] * b[3], a[0] * b[1] + a[1] * b[4], a[0] * b[2] + a[1] * b[5] + a[2],
             a[3] * b[0] + a[4] * b[3], a[3] * b[1] + a[4] * b[4],
             a[3] * b[2] + a[4] * b[5] + a[5]}};
}

inline void transform(const Similarity& by, const float from[2], float to[2]) {
    const float x = from[0], y = from[1];
    to[0] = by.m[0] * x + by.m[1] * y + by.m[2];
    to[1] = by.m[3] * x + by.m[4] * y + by.m[5];
}

// Pixel of a picture `scale` times as large -> pixel of the small one; integers are pixel centres.
inline Similarity shrink(float scale) {
    const float shift = 0.5f / scale - 0.5f;
    return {{1 / scale, 0, shift, 0, 1 / scale, shift}};
}

}  // namespace facedge
