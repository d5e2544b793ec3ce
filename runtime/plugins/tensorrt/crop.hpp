// Aligned crops out of a frame on the GPU, by the kernel of runtime/kernels.
#pragma once

#include "../common/tensors.hpp"
#include "cuda/stream.hpp"

#include <facedge/facedge_backend.h>

#include <vector>

namespace facedge::tensorrt {

class Crop {
public:
#ifdef FACEDGE_HAS_KERNELS
    static constexpr bool kBuilt = true;
#else
    static constexpr bool kBuilt = false;
#endif

    Crop() = default;
    // For crops into the first of `inputs`. Empty where that is no uint8 RGB picture, or the
    // kernels have no code for this device, which is logged.
    Crop(const cuda::SharedContext& context, const std::vector<plugin::Tensor>& inputs);

    explicit operator bool() const { return static_cast<bool>(kernel_); }

    // Queues the crops of a job into rows 0, 1, ... of `pictures`, device memory. Throws
    // FACEDGE_EINVAL: no CUDA frame, or crops of another size; FACEDGE_EBACKEND.
    void launch(const cuda::Stream& stream, const facedge_crop_job& job, void* pictures) const;

private:
    cuda::Kernel kernel_;
    [[maybe_unused]] int32_t width_ = 0, height_ = 0;
};

}  // namespace facedge::tensorrt
