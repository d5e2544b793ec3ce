// Parameters of the CUDA kernel facedge_crop, passed by value, and how a host fills them.
//
//   extern "C" __global__ void facedge_crop(FacedgeCrop p)
//   grid crop_grid(p), block kCropBlock, no shared memory
//
// What it computes is defined at crop() in runtime/src/image/image.hpp.
#pragma once

#include "image/color.hpp"
#include "image/plan.hpp"

#include <facedge/facedge_backend.h>

#include <cstdint>

namespace facedge {

enum { kCropFaces = 32, kCropBlock = 128, kCropWarp = 32 };

// Places are in blocks. Crop pixel (x, y) lies at (u + du x - dv y, v + dv x + du y) from the
// centre of block (block_x, block_y): whole and fraction apart, as one float is too coarse in a
// wide frame.
struct FacedgeCropFace {
    float u, v, du, dv;
    int32_t block_x, block_y;
    float stretch;
    int32_t side;  // frame pixels of a block's side
};

struct FacedgeCrop {
    uint64_t planes[2];                       // device addresses
    int64_t stride[2];                        // bytes
    int32_t width, height, format;            // of the frame; facedge_format
    int32_t filter;                           // facedge_filter
    float y_scale, y_offset, rv, gu, gv, bu;  // YuvToRgb
    uint64_t crops;  // device address of uint8 [count, crop_height, crop_width, 3]
    int32_t crop_width, crop_height;
    int32_t lanes;  // threads per crop pixel: 1 or kCropWarp
    int32_t count;  // faces of this launch, 1..kCropFaces
    FacedgeCropFace faces[kCropFaces];
};

struct CropGrid {
    unsigned x, y;
};

inline FacedgeCropFace crop_face(facedge_filter filter, const float to_frame[6]) {
    const CropPlan plan = crop_plan(filter, to_frame);
    const double side = plan.block;
    const double u = (to_frame[2] + 0.5) / side - 0.5, v = (to_frame[5] + 0.5) / side - 0.5;
    const double x = std::floor(u), y = std::floor(v);
    return {static_cast<float>(u - x),
            static_cast<float>(v - y),
            static_cast<float>(to_frame[0] / side),
            static_cast<float>(to_frame[3] / side),
            static_cast<int32_t>(x),
            static_cast<int32_t>(y),
            plan.stretch,
            plan.block};
}

// The launch for faces first..min(first + kCropFaces, job.count) - 1 of a job whose frame has been
// checked. `crops` is the device address of face 0's crop.
inline FacedgeCrop crop_launch(const facedge_crop_job& job, int32_t first, uint64_t crops) {
    const facedge_frame& frame = *job.frame;
    FacedgeCrop launch = {};
    for (int i = 0; i < 2; ++i) {
        launch.planes[i] = reinterpret_cast<uintptr_t>(frame.planes[i].data);
        launch.stride[i] = frame.planes[i].stride;
    }
    launch.width = frame.width;
    launch.height = frame.height;
    launch.format = frame.format;
    launch.filter = job.filter;
    const YuvToRgb to = yuv_to_rgb(static_cast<facedge_matrix>(frame.matrix),
                                   static_cast<facedge_range>(frame.range));
    launch.y_scale = static_cast<float>(to.y_scale);
    launch.y_offset = static_cast<float>(to.y_offset);
    launch.rv = static_cast<float>(to.rv);
    launch.gu = static_cast<float>(to.gu);
    launch.gv = static_cast<float>(to.gv);
    launch.bu = static_cast<float>(to.bu);
    const auto bytes = static_cast<uint64_t>(job.width) * static_cast<uint64_t>(job.height) * 3;
    launch.crops = crops + bytes * static_cast<uint64_t>(first);
    launch.crop_width = job.width;
    launch.crop_height = job.height;
    // A pixel of a small super-resolution input reads thousands of frame pixels, and there are few.
    launch.lanes = job.filter == FACEDGE_FILTER_BICUBIC ? kCropWarp : 1;
    launch.count = job.count - first < kCropFaces ? job.count - first : kCropFaces;
    for (int32_t i = 0; i < launch.count; ++i) {
        launch.faces[i] =
            crop_face(static_cast<facedge_filter>(job.filter), job.to_frame[first + i]);
    }
    return launch;
}

inline CropGrid crop_grid(const FacedgeCrop& launch) {
    const int64_t threads = int64_t{launch.crop_width} * launch.crop_height * launch.lanes;
    return {static_cast<unsigned>((threads + kCropBlock - 1) / kCropBlock),
            static_cast<unsigned>(launch.count)};
}

}  // namespace facedge
