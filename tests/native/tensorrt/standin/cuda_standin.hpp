// A stand-in for libcuda.so.1 that keeps CUDA's rules on host memory. It shows that the control
// flow is right, not that a device agrees.
//
// Device addresses are host addresses plus an offset, so that the host cannot read them by mistake;
// they are multiples of 64 and not of 256. Work queued on a stream is done at once, or, deferred,
// not before something waits for it. What breaks a rule is refused where CUDA refuses it, and noted
// as a violation.
#pragma once

// The stand-in exports what cuda.h declares.
#pragma GCC visibility push(default)
#include <cuda.h>
#pragma GCC visibility pop

#include <functional>
#include <string>
#include <vector>

namespace standin {

struct Machine {
    int devices = 1;
    int major = 8, minor = 7;
    bool integrated = true;
    bool maps_host_memory = true;
    bool deferred = false;
    CUresult start = CUDA_SUCCESS;        // what cuInit says
    CUresult load_module = CUDA_SUCCESS;  // what cuModuleLoadData says
};

// Everything that has to be given back. `pushed` is of the calling thread.
struct Live {
    int contexts, pushed, streams, events, device_blocks, host_blocks, graphs, executables, modules;
    bool nothing() const {
        return contexts + pushed + streams + events + device_blocks + host_blocks + graphs +
                   executables + modules ==
               0;
    }
};

class Cuda {
public:
    // Forgets everything and becomes this machine.
    virtual void reset(const Machine& machine) = 0;
    // The n-th call from now on (1, 2, ...) that takes or queues something fails once; 0: none
    // does. Calls that give something back always succeed, and so does cuCtxPushCurrent unless
    // named.
    virtual void fail_call(int n, CUresult result = CUDA_ERROR_UNKNOWN) = 0;
    // The next call of this name fails once.
    virtual void fail_call(const std::string& name, CUresult result = CUDA_ERROR_UNKNOWN) = 0;
    // Whether the failure asked for has not happened yet.
    virtual bool failure_pending() const = 0;

    virtual Live live() const = 0;
    virtual std::vector<std::string> violations() const = 0;
    // Names of the calls since the last clear_calls.
    virtual std::vector<std::string> calls() const = 0;
    virtual void clear_calls() = 0;
    virtual size_t device_bytes() const = 0;  // of all blocks
    // Whether this thread is inside the stand-in: to tell its allocations from the plug-in's.
    virtual bool inside() const = 0;

    // For the stand-in of TensorRT.
    virtual void violate(const std::string& rule) = 0;
    virtual bool capturing(CUstream stream) const = 0;
    virtual void spoil_capture(CUstream stream) = 0;
    // Queues work, or records it. False: no such stream.
    virtual bool submit(CUstream stream, std::function<void()> work) = 0;
    virtual void record(CUstream stream, CUevent event) = 0;
    // Host address of device memory; NULL, and a violation, unless all of it is allocated.
    virtual unsigned char* memory(CUdeviceptr address, size_t bytes) = 0;

    // Marks this thread as inside for a scope.
    class Inside {
    public:
        explicit Inside(Cuda& cuda) : cuda_(cuda) { cuda_.enter(1); }
        Inside(const Inside&) = delete;
        Inside& operator=(const Inside&) = delete;
        ~Inside() { cuda_.enter(-1); }

    private:
        Cuda& cuda_;
    };

protected:
    virtual void enter(int step) = 0;
    ~Cuda() = default;
};

// The library's export besides the driver API.
extern "C" __attribute__((visibility("default"))) Cuda* standin_cuda();
using CudaFunction = Cuda* (*)();

}  // namespace standin
