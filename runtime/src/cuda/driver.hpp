// The CUDA driver API, found at run time: libcuda.so.1 comes with the NVIDIA driver and exists
// nowhere else, so it is opened with dlopen and its absence is a sentence.
#pragma once

#include "failure.hpp"

#include <cuda.h>

#include <string>

// Every function that facedge calls. cuda.h maps a name to the version of the function that its
// declaration belongs to (cuMemAlloc -> cuMemAlloc_v2); those below have had one such version from
// CUDA 11.4 to 13, so that a build with any of these headers runs on any of these drivers.
#define FACEDGE_CUDA_FUNCTIONS(X) \
    X(cuInit) \
    X(cuGetErrorName) \
    X(cuGetErrorString) \
    X(cuDriverGetVersion) \
    X(cuDeviceGetCount) \
    X(cuDeviceGet) \
    X(cuDeviceGetName) \
    X(cuDeviceGetAttribute) \
    X(cuDevicePrimaryCtxRetain) \
    X(cuDevicePrimaryCtxRelease) \
    X(cuCtxPushCurrent) \
    X(cuCtxPopCurrent) \
    X(cuStreamCreate) \
    X(cuStreamDestroy) \
    X(cuStreamSynchronize) \
    X(cuStreamWaitEvent) \
    X(cuStreamBeginCapture) \
    X(cuStreamEndCapture) \
    X(cuEventCreate) \
    X(cuEventDestroy) \
    X(cuEventRecord) \
    X(cuEventRecordWithFlags) \
    X(cuEventSynchronize) \
    X(cuMemAlloc) \
    X(cuMemFree) \
    X(cuMemHostAlloc) \
    X(cuMemFreeHost) \
    X(cuMemHostGetDevicePointer) \
    X(cuMemcpyHtoDAsync) \
    X(cuMemcpyDtoHAsync) \
    X(cuGraphInstantiateWithFlags) \
    X(cuGraphLaunch) \
    X(cuGraphExecDestroy) \
    X(cuGraphDestroy) \
    X(cuModuleLoadData) \
    X(cuModuleUnload) \
    X(cuModuleGetFunction) \
    X(cuLaunchKernel)

namespace facedge::cuda {

// What cuda.h declares, as pointers of the same names.
struct Functions {
#define FACEDGE_CUDA_MEMBER(name) decltype(&::name) name = nullptr;
    FACEDGE_CUDA_FUNCTIONS(FACEDGE_CUDA_MEMBER)
#undef FACEDGE_CUDA_MEMBER
    // By its first name: the header of CUDA 13 maps it to a version that older drivers lack.
    CUresult(CUDAAPI* elapsed_time)(float* milliseconds, CUevent from, CUevent to) = nullptr;
};

class Driver : public Functions {
public:
    // The initialised driver: the file that FACEDGE_CUDA_DRIVER names, else libcuda.so.1. Opened
    // once per file and never closed. FACEDGE_EBACKEND: no driver, one before CUDA 11.4, or one
    // that finds no device.
    static const Driver& get();

    // Throws FACEDGE_ENOMEM or FACEDGE_EBACKEND unless `result` is CUDA_SUCCESS.
    //   call  name of the function, for the sentence
    void check(CUresult result, const char* call) const;

    // Such as "out of memory (CUDA_ERROR_OUT_OF_MEMORY)".
    std::string describe(CUresult result) const;

    // One or more. FACEDGE_EBACKEND: none.
    int device_count() const;
    // CUDA version the driver supports, such as "12.6".
    std::string version() const;

private:
    explicit Driver(const std::string& file);
};

}  // namespace facedge::cuda
