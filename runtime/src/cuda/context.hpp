// A GPU and its primary context, the one that TensorRT and the CUDA runtime work in.
#pragma once

#include "driver.hpp"

#include <memory>
#include <new>

namespace facedge::cuda {

struct DeviceFacts {
    char name[256] = "";
    int major = 0, minor = 0;  // compute capability
    bool integrated = false;   // shares the host's memory, as on Jetson
    bool maps_host_memory = false;
    bool unified_addressing = false;
};

// Asks the driver, and makes no context. FACEDGE_EBACKEND: no driver, or no such device.
DeviceFacts device_facts(int device);

// Keeps the primary context alive. Shared by everything that was made in it.
class Context {
public:
    // FACEDGE_EBACKEND: no driver, or no such device.
    static std::shared_ptr<const Context> retain(int device);
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    ~Context();

    const Driver& driver() const { return driver_; }
    const DeviceFacts& facts() const { return facts_; }
    CUcontext handle() const { return handle_; }

private:
    Context(const Driver& driver, CUdevice device);

    const Driver& driver_;
    CUdevice device_;
    DeviceFacts facts_;
    CUcontext handle_ = nullptr;
};

using SharedContext = std::shared_ptr<const Context>;

// Makes a context current on this thread for a scope; whatever was current before is again after
// it.
class Current {
public:
    explicit Current(const Context& context);
    // For destructors: a context that cannot be made current any more is not an error.
    Current(const Context& context, std::nothrow_t) noexcept;
    Current(const Current&) = delete;
    Current& operator=(const Current&) = delete;
    ~Current();

private:
    const Driver& driver_;
    bool pushed_;
};

}  // namespace facedge::cuda
