// Reading an ONNX file, what tensors it has, and compiling it for one batch size.
#pragma once

#include "../common/tensors.hpp"
#include "api.hpp"

#include <string>
#include <vector>

namespace facedge::plugin {

// FACEDGE_EBACKEND.
Status read_model(OpenVino& openvino, const std::vector<char>& onnx, const std::string& path,
                  Handle<ov_model_t>& out);

// Whether the graph has the manifest's tensors; see check_tensors. FACEDGE_EBUNDLE,
// FACEDGE_EBACKEND.
Status check_model(const OpenVino& openvino, const ov_model_t* model, const std::string& path,
                   const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs);

// Fixes the batch of every input and compiles for the CPU: latency first, FP32 stays FP32.
//   threads  0: OpenVINO chooses
// FACEDGE_EBACKEND.
Status compile_model(OpenVino& openvino, const ov_model_t* model, const std::string& path,
                     const std::vector<Tensor>& inputs, int32_t batch, int32_t threads,
                     Handle<ov_compiled_model_t>& out);

}  // namespace facedge::plugin
