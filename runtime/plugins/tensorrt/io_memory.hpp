// The tensors of one direction of a lane, each on a multiple of 256 bytes: in one block that host
// and device share, or in two blocks with copies in between.
#pragma once

#include "../common/tensors.hpp"
#include "cuda/stream.hpp"

#include <cstdint>
#include <vector>

namespace facedge::tensorrt {

// Part of a block.
struct Span {
    size_t offset, bytes;
};

class IoMemory {
public:
    IoMemory() = default;
    // Room for `rows` batch rows of every tensor, zeroed on the host. Page-locked memory that the
    // device maps where both share one memory, as on Jetson; else page-locked and device memory.
    IoMemory(const cuda::SharedContext& context, const std::vector<plugin::Tensor>& tensors,
             int32_t rows);

    bool copied() const { return copied_; }
    void* host(size_t tensor) const { return host_.data() + offsets_[tensor]; }
    void* device(size_t tensor) const;

    // What has to be copied for `rows` rows of the tensors from `first` on; nothing where nothing
    // is copied. Neighbours become one copy where the gap is small.
    std::vector<Span> spans(int32_t rows, size_t first) const;

    void to_device(const cuda::Stream& stream, const std::vector<Span>& spans) const;
    void to_host(const cuda::Stream& stream, const std::vector<Span>& spans) const;

private:
    bool copied_ = false;
    std::vector<size_t> offsets_, row_bytes_;  // per tensor
    cuda::HostMemory host_;
    cuda::DeviceMemory device_;
};

}  // namespace facedge::tensorrt
