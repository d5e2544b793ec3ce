#include "memory.hpp"

#include <cstdint>
#include <cstring>

namespace facedge::cuda {
namespace {

// Bytes from an address up to the next multiple of kAlignment: CUDA does not document the alignment
// of its allocations.
size_t lead(uint64_t address) { return aligned(address) - address; }

}  // namespace

DeviceMemory::DeviceMemory(const SharedContext& context, size_t bytes) : bytes_(bytes) {
    const Driver& driver = context->driver();
    CUdeviceptr block = 0;
    driver.check(driver.cuMemAlloc(&block, bytes + kAlignment), "cuMemAlloc");
    block_ = {context, block};
    address_ = block + lead(block);
}

HostMemory::HostMemory(const SharedContext& context, size_t bytes, Mapping mapping)
    : bytes_(bytes) {
    const Driver& driver = context->driver();
    const unsigned flags = mapping == Mapping::kDevice ? CU_MEMHOSTALLOC_DEVICEMAP : 0;
    void* block = nullptr;
    driver.check(driver.cuMemHostAlloc(&block, bytes + kAlignment, flags), "cuMemHostAlloc");
    block_ = {context, block};
    const size_t offset = lead(reinterpret_cast<uintptr_t>(block));
    data_ = static_cast<unsigned char*>(block) + offset;
    std::memset(data_, 0, bytes);
    if (mapping == Mapping::kNone) return;
    driver.check(driver.cuMemHostGetDevicePointer(&device_, block, 0), "cuMemHostGetDevicePointer");
    device_ += offset;
    if (lead(device_) != 0)
        throw Failure(FACEDGE_EBACKEND,
                      "CUDA maps page-locked memory to an address that is no multiple of " +
                          std::to_string(kAlignment));
}

}  // namespace facedge::cuda
