// The buffers of a lane: one block, every tensor on a multiple of 256 bytes.
#pragma once

#include "status.hpp"
#include "tensors.hpp"

#include <facedge/facedge_backend.h>

#include <memory>
#include <string>
#include <vector>

namespace facedge::plugin {

// Refuses batches that are not ascending from 1, or larger than the artifact takes (0: any).
// FACEDGE_EINVAL.
Status check_batches(const facedge_lane_settings& settings, int32_t max_batch,
                     const std::string& path);

class LaneMemory {
public:
    // Zeroed memory for `batch` rows of every tensor. FACEDGE_ENOMEM.
    static Status allocate(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs,
                           int32_t batch, LaneMemory& out);

    void* input(size_t index) const { return inputs_[index]; }
    void* output(size_t index) const { return outputs_[index]; }
    facedge_lane_buffers buffers() const;

private:
    struct Free {
        void operator()(unsigned char* block) const;
    };
    std::unique_ptr<unsigned char, Free> block_;
    std::vector<void*> inputs_, outputs_;
};

}  // namespace facedge::plugin
