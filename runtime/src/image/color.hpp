// Luma and chroma to RGB, in 0..255.
#pragma once

#include <facedge/facedge.h>

namespace facedge {

// With y = y_scale (Y - y_offset), u = U - 128, v = V - 128:
//   R = y + rv v,  G = y + gu u + gv v,  B = y + bu u
// ITU-R BT.601-7, BT.709-6 and BT.2020-2 (non-constant luminance), 8 bits.
struct YuvToRgb {
    double y_scale = 1, y_offset = 0;
    double rv = 0, gu = 0, gv = 0, bu = 0;
};

// GRAY8 has FACEDGE_MATRIX_IDENTITY: no chroma.
inline YuvToRgb yuv_to_rgb(facedge_matrix matrix, facedge_range range) {
    YuvToRgb to;
    double chroma = 1;
    if (range == FACEDGE_RANGE_LIMITED) {
        to.y_scale = 255.0 / 219.0;
        to.y_offset = 16;
        chroma = 255.0 / 224.0;
    }
    if (matrix == FACEDGE_MATRIX_IDENTITY) return to;
    const double kr = matrix == FACEDGE_MATRIX_BT709    ? 0.2126
                      : matrix == FACEDGE_MATRIX_BT2020 ? 0.2627
                                                        : 0.299;
    const double kb = matrix == FACEDGE_MATRIX_BT709    ? 0.0722
                      : matrix == FACEDGE_MATRIX_BT2020 ? 0.0593
                                                        : 0.114;
    const double kg = 1 - kr - kb;
    to.rv = chroma * 2 * (1 - kr);
    to.bu = chroma * 2 * (1 - kb);
    to.gu = -to.bu * kb / kg;
    to.gv = -to.rv * kr / kg;
    return to;
}

}  // namespace facedge
