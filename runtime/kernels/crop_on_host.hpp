// The CUDA kernel's code run by the processor: for tests on machines without a GPU. "Device"
// addresses are host addresses.
#pragma once

#include "crop_pixel.h"

namespace facedge {

inline void crop_on_host(const FacedgeCrop& launch) {
    for (int face = 0; face < launch.count; ++face) {
        for (int pixel = 0; pixel < launch.crop_width * launch.crop_height; ++pixel) {
            CropSum sum = {0, 0, 0, 0};
            for (int lane = 0; lane < launch.lanes; ++lane) {
                const CropSum part = crop_pixel(launch, face, pixel % launch.crop_width,
                                                pixel / launch.crop_width, lane);
                sum.r += part.r, sum.g += part.g, sum.b += part.b, sum.weight += part.weight;
            }
            store_pixel(launch, face, pixel, sum);
        }
    }
}

}  // namespace facedge
