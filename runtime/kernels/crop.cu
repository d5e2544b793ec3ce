// Colour conversion, alignment and anti-aliased crop of all faces of a frame, straight into the
// batch tensor.
#include "crop_pixel.h"

using namespace facedge;

extern "C" __global__ void __launch_bounds__(kCropBlock)
    facedge_crop(const __grid_constant__ FacedgeCrop p) {
    const int thread = static_cast<int>(blockIdx.x) * kCropBlock + static_cast<int>(threadIdx.x);
    const int pixel = thread / p.lanes, lane = thread % p.lanes;
    const int face = static_cast<int>(blockIdx.y);
    // The lanes of one pixel are one warp, which leaves as a whole.
    if (pixel >= p.crop_width * p.crop_height) return;
    CropSum sum = crop_pixel(p, face, pixel % p.crop_width, pixel / p.crop_width, lane);
    if (p.lanes == kCropWarp) {
        for (int offset = kCropWarp / 2; offset > 0; offset /= 2) {
            sum.r += __shfl_down_sync(0xffffffffu, sum.r, offset);
            sum.g += __shfl_down_sync(0xffffffffu, sum.g, offset);
            sum.b += __shfl_down_sync(0xffffffffu, sum.b, offset);
            sum.weight += __shfl_down_sync(0xffffffffu, sum.weight, offset);
        }
    }
    if (lane == 0) store_pixel(p, face, pixel, sum);
}
