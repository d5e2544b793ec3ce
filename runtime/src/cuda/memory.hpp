// Blocks of device memory and of page-locked host memory. The context must be current where they
// are made; they are freed from any thread.
#pragma once

#include "owned.hpp"

#include <cstddef>

namespace facedge::cuda {

// TensorRT wants tensors and scratch memory on multiples of this many bytes.
constexpr size_t kAlignment = 256;

constexpr size_t aligned(size_t bytes) {
    return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

class DeviceMemory {
public:
    DeviceMemory() = default;
    DeviceMemory(const SharedContext& context, size_t bytes);

    CUdeviceptr address() const { return address_; }  // on a multiple of kAlignment
    size_t bytes() const { return bytes_; }

private:
    Owned<CUdeviceptr, &Functions::cuMemFree> block_;
    CUdeviceptr address_ = 0;
    size_t bytes_ = 0;
};

enum class Mapping {
    kNone,   // for copies only
    kDevice  // the device reads and writes it in place
};

// Zeroed at first.
class HostMemory {
public:
    HostMemory() = default;
    HostMemory(const SharedContext& context, size_t bytes, Mapping mapping);

    unsigned char* data() const { return data_; }           // on a multiple of kAlignment
    CUdeviceptr device_address() const { return device_; }  // 0 without a mapping
    size_t bytes() const { return bytes_; }

private:
    Owned<void*, &Functions::cuMemFreeHost> block_;
    unsigned char* data_ = nullptr;
    CUdeviceptr device_ = 0;
    size_t bytes_ = 0;
};

}  // namespace facedge::cuda
