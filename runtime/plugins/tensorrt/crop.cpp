#include "crop.hpp"

#ifdef FACEDGE_HAS_KERNELS

#include "logger.hpp"

#include <crop_kernel.h>
#include <fatbin.h>

namespace facedge::tensorrt {
namespace {

using cuda::Failure;

// Whether a tensor is uint8 RGB [N, height, width, 3].
bool is_picture(const plugin::Tensor& tensor) {
    return tensor.dtype == "uint8" && tensor.shape.size() == 4 && tensor.shape[3] == 3;
}

}  // namespace

Crop::Crop(const cuda::SharedContext& context, const std::vector<plugin::Tensor>& inputs) {
    if (inputs.empty() || !is_picture(inputs[0])) return;
    height_ = static_cast<int32_t>(inputs[0].shape[1]);
    width_ = static_cast<int32_t>(inputs[0].shape[2]);
    try {
        kernel_ = cuda::Kernel(context, facedge_crop_fatbin, "facedge_crop");
    } catch (const Failure& failure) {
        log(FACEDGE_LOG_WARNING, std::string("frames on the GPU cannot be cropped there (") +
                                     failure.what() + "); frames in host memory can");
    }
}

void Crop::launch(const cuda::Stream& stream, const facedge_crop_job& job, void* pictures) const {
    const facedge_frame& frame = *job.frame;
    if (!kernel_)
        throw Failure(FACEDGE_EBACKEND, "there is no crop kernel for this device and model; submit "
                                        "frames in host memory, or build the plug-in with this "
                                        "device in FACEDGE_CUDA_ARCHITECTURES");
    if (frame.memory != FACEDGE_MEMORY_CUDA)
        throw Failure(FACEDGE_EINVAL,
                      "the crop kernel reads frames of FACEDGE_MEMORY_CUDA and this "
                      "one has memory " +
                          std::to_string(frame.memory));
    if (job.width != width_ || job.height != height_)
        throw Failure(FACEDGE_EINVAL, "crops are " + std::to_string(job.width) + "x" +
                                          std::to_string(job.height) + " and the model takes " +
                                          std::to_string(width_) + "x" + std::to_string(height_));
    if (job.filter != FACEDGE_FILTER_BICUBIC && job.filter != FACEDGE_FILTER_AREA)
        throw Failure(FACEDGE_EINVAL, "crop filter is " + std::to_string(job.filter) +
                                          "; expected one of facedge_filter");
    if (frame.ready) stream.wait_for(static_cast<CUevent>(frame.ready));
    for (int32_t first = 0; first < job.count; first += kCropFaces) {
        const FacedgeCrop launch = crop_launch(job, first, reinterpret_cast<CUdeviceptr>(pictures));
        const CropGrid grid = crop_grid(launch);
        kernel_.launch(stream, grid.x, grid.y, kCropBlock, &launch);
    }
}

}  // namespace facedge::tensorrt

#else

namespace facedge::tensorrt {

Crop::Crop(const cuda::SharedContext&, const std::vector<plugin::Tensor>&) {}

// The plug-in's table has no crop then.
void Crop::launch(const cuda::Stream&, const facedge_crop_job&, void*) const {}

}  // namespace facedge::tensorrt

#endif
