// TensorRT's messages: to the host's log, and the last errors kept to say why a call failed.
#pragma once

#include <facedge/facedge_backend.h>

#include <NvInferRuntime.h>

#include <string>

namespace facedge::tensorrt {

// TensorRT keeps the first logger it is given for the life of the process, so there is exactly one.
nvinfer1::ILogger& logger();

// Where messages go from now on.
void log_to(const facedge_backend_host& host);

// A message of our own.
void log(facedge_log_level level, const std::string& text);

// What TensorRT complained about on this thread since the last call, the last two errors at most:
// "first; second", or "TensorRT gave no reason".
std::string take_errors();

}  // namespace facedge::tensorrt
