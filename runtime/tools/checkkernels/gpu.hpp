// The CUDA kernel on a GPU.
#pragma once

#include "cases.hpp"

#include <memory>
#include <string>

namespace facedge::checkkernels {

class Gpu {
public:
    virtual ~Gpu() = default;

    // Such as "NVIDIA Orin (sm_87)".
    virtual std::string name() const = 0;
    virtual std::vector<uint8_t> cropped(const Case& one) = 0;
    // Milliseconds of the kernel alone, for all places of one frame; the median of `times`.
    virtual double milliseconds(const OwnedFrame& frame, const std::vector<Similarity>& places,
                                facedge_filter filter, int width, int height, int times) = 0;
};

// Null, and `why` a sentence, where there is no GPU, or this build has no kernel.
std::unique_ptr<Gpu> open_gpu(int device, std::string& why);

}  // namespace facedge::checkkernels
