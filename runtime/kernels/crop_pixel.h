// The arithmetic of the CUDA kernel. It compiles as host C++ too, so that machines without a GPU
// test the very code that a GPU runs.
#pragma once

#include "crop_kernel.h"

#include <cmath>

#ifdef __CUDACC__
#define FACEDGE_DEVICE __device__ __forceinline__
#else
#define FACEDGE_DEVICE inline
#endif

namespace facedge {

struct CropSum {
    float r, g, b, weight;
};

FACEDGE_DEVICE int crop_clamp(int value, int least, int most) {
    return value < least ? least : value > most ? most : value;
}

FACEDGE_DEVICE float crop_saturate(float value) {
    return value < 0.0f ? 0.0f : value > 255.0f ? 255.0f : value;
}

FACEDGE_DEVICE void add_frame_pixel(const FacedgeCrop& p, int x, int y, CropSum& sum) {
    const uint8_t* row = reinterpret_cast<const uint8_t*>(p.planes[0]) + p.stride[0] * y;
    float luma = 0, u = 0, v = 0;
    if (p.format == FACEDGE_FORMAT_RGB24 || p.format == FACEDGE_FORMAT_BGR24) {
        const bool rgb = p.format == FACEDGE_FORMAT_RGB24;
        sum.r += row[3 * x + (rgb ? 0 : 2)];
        sum.g += row[3 * x + 1];
        sum.b += row[3 * x + (rgb ? 2 : 0)];
        return;
    }
    if (p.format == FACEDGE_FORMAT_GRAY8) {
        luma = row[x];
    } else if (p.format == FACEDGE_FORMAT_YUYV) {
        luma = row[2 * x];
        u = row[x / 2 * 4 + 1] - 128.0f;
        v = row[x / 2 * 4 + 3] - 128.0f;
    } else {
        const uint8_t* pair =
            reinterpret_cast<const uint8_t*>(p.planes[1]) + p.stride[1] * (y / 2) + x / 2 * 2;
        const bool nv12 = p.format == FACEDGE_FORMAT_NV12;
        luma = row[x];
        u = pair[nv12 ? 0 : 1] - 128.0f;
        v = pair[nv12 ? 1 : 0] - 128.0f;
    }
    luma = p.y_scale * (luma - p.y_offset);
    sum.r += crop_saturate(luma + p.rv * v);
    sum.g += crop_saturate(luma + p.gu * u + p.gv * v);
    sum.b += crop_saturate(luma + p.bu * u);
}

// Adds `weight` times the mean of block (bx, by), the nearest one for places outside.
FACEDGE_DEVICE void add_block(const FacedgeCrop& p, int side, int bx, int by, float weight,
                              CropSum& total) {
    const int x0 = crop_clamp(bx, 0, (p.width - 1) / side) * side;
    const int y0 = crop_clamp(by, 0, (p.height - 1) / side) * side;
    const int x1 = x0 + side < p.width ? x0 + side : p.width;
    const int y1 = y0 + side < p.height ? y0 + side : p.height;
    CropSum sum = {0, 0, 0, 0};
    for (int y = y0; y < y1; ++y) {
        for (int x = x0; x < x1; ++x) add_frame_pixel(p, x, y, sum);
    }
    const float share = weight / (static_cast<float>(x1 - x0) * static_cast<float>(y1 - y0));
    total.r += share * sum.r;
    total.g += share * sum.g;
    total.b += share * sum.b;
    total.weight += weight;
}

// Weight of a block whose centre lies `d` blocks from the crop pixel.
FACEDGE_DEVICE float block_weight(int filter, float d, float stretch) {
    d = fabsf(d);
    if (filter == FACEDGE_FILTER_BICUBIC) {
        d /= stretch;
        if (d < 1) return (1.5f * d - 2.5f) * d * d + 1;
        return d < 2 ? ((-0.5f * d + 2.5f) * d - 4) * d + 2 : 0;
    }
    const float inner = d + 0.5f < stretch / 2 ? d + 0.5f : stretch / 2;
    const float covered = inner - (d - 0.5f);
    return covered > 0 ? covered : 0;
}

// What thread `lane` of `p.lanes` adds to crop pixel (x, y) of face `face`.
FACEDGE_DEVICE CropSum crop_pixel(const FacedgeCrop& p, int face, int x, int y, int lane) {
    const FacedgeCropFace& f = p.faces[face];
    const float column = static_cast<float>(x), row = static_cast<float>(y);
    const float u = f.u + f.du * column - f.dv * row, v = f.v + f.dv * column + f.du * row;
    const float reach =
        p.filter == FACEDGE_FILTER_BICUBIC ? 2 * f.stretch : 0.5f * f.stretch + 0.5f;
    const int i0 = static_cast<int>(ceilf(u - reach)), i1 = static_cast<int>(floorf(u + reach));
    const int j0 = static_cast<int>(ceilf(v - reach)), j1 = static_cast<int>(floorf(v + reach));
    const int columns = i1 - i0 + 1, blocks = columns * (j1 - j0 + 1);
    CropSum sum = {0, 0, 0, 0};
    for (int n = lane; n < blocks; n += p.lanes) {
        const int i = i0 + n % columns, j = j0 + n / columns;
        const float weight = block_weight(p.filter, static_cast<float>(i) - u, f.stretch) *
                             block_weight(p.filter, static_cast<float>(j) - v, f.stretch);
        if (weight != 0) add_block(p, f.side, f.block_x + i, f.block_y + j, weight, sum);
    }
    return sum;
}

FACEDGE_DEVICE void store_pixel(const FacedgeCrop& p, int face, int pixel, const CropSum& sum) {
    const int64_t pixels = static_cast<int64_t>(p.crop_width) * p.crop_height;
    uint8_t* out = reinterpret_cast<uint8_t*>(p.crops) + (pixels * face + pixel) * 3;
    out[0] = static_cast<uint8_t>(crop_saturate(sum.r / sum.weight) + 0.5f);
    out[1] = static_cast<uint8_t>(crop_saturate(sum.g / sum.weight) + 0.5f);
    out[2] = static_cast<uint8_t>(crop_saturate(sum.b / sum.weight) + 0.5f);
}

}  // namespace facedge
