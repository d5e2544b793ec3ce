#include "cropper.hpp"

namespace facedge::check {

std::unique_ptr<Cropper> make_gpu_cropper(std::string& why_not) {
    why_not = "this facedge-checkkernels was built without CUDA kernels; build it where nvcc and "
              "cuda.h are found";
    return nullptr;
}

}  // namespace facedge::check
