// Finding TensorRT: libnvinfer of the major version this plug-in was built for.
#pragma once

#include <NvInferRuntime.h>

#include <memory>
#include <string>

namespace facedge::tensorrt {

struct TensorRt {
    std::string version;  // such as "10.3.0"
    std::unique_ptr<nvinfer1::IRuntime> runtime() const;

    int32_t number = 0;  // as getInferLibVersion says it
    void* (*create_runtime)(void* logger, int32_t version) = nullptr;
};

// Throws FACEDGE_EBACKEND: not found, or before 10.3; FACEDGE_EVERSION: another major version.
//   given  a file or folder; NULL: FACEDGE_TENSORRT, else the dynamic linker's search
TensorRt open_tensorrt(const char* given);

}  // namespace facedge::tensorrt
