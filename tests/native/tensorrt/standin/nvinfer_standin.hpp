// A stand-in for libnvinfer that keeps TensorRT's rules and computes something simple on the
// stand-in for libcuda, which FACEDGE_CUDA_DRIVER names.
//
// Its plans are text, one thing a line:
//     standin-plan
//     input  NAME uint8|float32 SIZE...    sizes without the batch
//     output NAME uint8|float32 SIZE...
//     max_batch 4
//     scratch 1000                         bytes of device memory per batch row
//     host_code                            has to be allowed
//     uncapturable                         spoils a recording
// An output of pictures is the first input, every pixel repeated. Value e of a float32 output is
// the sum of the first input's bytes of that row, plus e, plus value e of the second input if there
// is one of so many values.
#pragma once

#include <string>

namespace standin {

class NvInfer {
public:
    // Becomes a library of this version, as getInferLibVersion says it; 0: the headers'.
    virtual void reset(int version) = 0;
    // The n-th call from now on that can fail does so once; 0: none.
    virtual void fail_call(int n) = 0;
    virtual bool failure_pending() const = 0;
    // Runtimes, engines and contexts that exist.
    virtual int live() const = 0;
    virtual int enqueues() const = 0;
    // Number of different loggers ever given.
    virtual int loggers() const = 0;

protected:
    ~NvInfer() = default;
};

// The library's export besides TensorRT's.
extern "C" __attribute__((visibility("default"))) NvInfer* standin_nvinfer();
using NvInferFunction = NvInfer* (*)();

}  // namespace standin
