// What lanes that never run at the same time share: one CUDA stream and one block of scratch
// memory.
#pragma once

#include "cuda/stream.hpp"

#include <vector>

struct facedge_lane;

namespace facedge::tensorrt {

// Used by one thread at a time, as the lanes are.
class Workspace {
public:
    explicit Workspace(const cuda::SharedContext& context) : context_(context), stream_(context) {}

    const cuda::SharedContext& context() const { return context_; }
    const cuda::Stream& stream() const { return stream_; }
    const cuda::DeviceMemory& scratch() const { return scratch_; }

    void join(facedge_lane& lane) { lanes_.push_back(&lane); }
    void leave(facedge_lane& lane);

    // Makes scratch() at least so large. When the block moves, the lanes that have joined are given
    // the new one and recorded again: a recorded graph holds the old address. Throws with every
    // lane usable, though perhaps without graphs.
    void grow(size_t bytes);

private:
    cuda::SharedContext context_;
    cuda::Stream stream_;
    cuda::DeviceMemory scratch_;
    std::vector<facedge_lane*> lanes_;
};

}  // namespace facedge::tensorrt
