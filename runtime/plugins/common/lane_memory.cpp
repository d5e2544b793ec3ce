#include "lane_memory.hpp"

#include <cstdlib>
#include <cstring>

namespace facedge::plugin {
namespace {

constexpr size_t kAlignment = 256;

// Adds `rows` rows, rounded up, to `total`; false where that overflows.
bool add(size_t& total, size_t row_bytes, size_t rows) {
    size_t bytes = 0;
    return !__builtin_mul_overflow(row_bytes, rows, &bytes) &&
           !__builtin_add_overflow(bytes, kAlignment - 1, &bytes) &&
           !__builtin_add_overflow(total, bytes / kAlignment * kAlignment, &total);
}

}  // namespace

Status check_batches(const facedge_lane_settings& settings, int32_t max_batch,
                     const std::string& path) {
    int32_t previous = 0;
    for (int32_t i = 0; i < settings.n_batches; ++i) {
        const int32_t batch = settings.batches[i];
        if (batch <= previous)
            return {FACEDGE_EINVAL, "batch " + std::to_string(batch) + " follows " +
                                        std::to_string(previous) +
                                        "; expected ascending batches of 1 or more pictures"};
        if (max_batch > 0 && batch > max_batch)
            return {FACEDGE_EINVAL, "batch is " + std::to_string(batch) + " and " + path +
                                        " was built for at most " + std::to_string(max_batch) +
                                        "; split the pictures, or build with a larger "
                                        "--max-batch"};
        previous = batch;
    }
    if (previous == 0) return {FACEDGE_EINVAL, "no batch was given; expected one or more"};
    return {};
}

Status LaneMemory::allocate(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs,
                            int32_t batch, LaneMemory& out) {
    size_t total = 0;
    std::vector<size_t> offsets;
    bool fits = true;
    for (const auto* side : {&inputs, &outputs}) {
        for (const Tensor& tensor : *side) {
            offsets.push_back(total);
            fits = fits && add(total, tensor.row_bytes(), static_cast<size_t>(batch));
        }
    }
    LaneMemory memory;
    if (fits)
        memory.block_.reset(static_cast<unsigned char*>(std::aligned_alloc(kAlignment, total)));
    if (!memory.block_)
        return {FACEDGE_ENOMEM, "there is no memory for a batch of " + std::to_string(batch) +
                                    " pictures; use smaller batches"};
    std::memset(memory.block_.get(), 0, total);
    for (size_t i = 0; i < offsets.size(); ++i)
        (i < inputs.size() ? memory.inputs_ : memory.outputs_)
            .push_back(memory.block_.get() + offsets[i]);
    out = std::move(memory);
    return {};
}

facedge_lane_buffers LaneMemory::buffers() const {
    facedge_lane_buffers buffers = {};
    for (size_t i = 0; i < inputs_.size(); ++i) buffers.inputs[i] = inputs_[i];
    for (size_t i = 0; i < outputs_.size(); ++i) buffers.outputs[i] = outputs_[i];
    return buffers;
}

void LaneMemory::Free::operator()(unsigned char* block) const { std::free(block); }

}  // namespace facedge::plugin
