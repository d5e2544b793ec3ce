#include "io_memory.hpp"

namespace facedge::tensorrt {
namespace {

// Starting a copy takes about as long as moving this many bytes over PCIe (1 to 2 us at 10 to 20
// GB/s).
constexpr size_t kSmallGap = 16384;

size_t block_bytes(size_t row_bytes, int32_t rows) {
    size_t bytes = 0;
    if (__builtin_mul_overflow(row_bytes, static_cast<size_t>(rows), &bytes) ||
        bytes > PTRDIFF_MAX / 16)
        throw cuda::Failure(FACEDGE_ENOMEM, "there is no memory for a batch of " +
                                                std::to_string(rows) +
                                                " pictures; use smaller batches");
    return cuda::aligned(bytes);
}

}  // namespace

IoMemory::IoMemory(const cuda::SharedContext& context, const std::vector<plugin::Tensor>& tensors,
                   int32_t rows) {
    const cuda::DeviceFacts& device = context->facts();
    copied_ = !(device.integrated && device.maps_host_memory);
    size_t total = 0;
    for (const plugin::Tensor& tensor : tensors) {
        offsets_.push_back(total);
        row_bytes_.push_back(tensor.row_bytes());
        total += block_bytes(row_bytes_.back(), rows);
    }
    host_ =
        cuda::HostMemory(context, total, copied_ ? cuda::Mapping::kNone : cuda::Mapping::kDevice);
    if (copied_) device_ = cuda::DeviceMemory(context, total);
}

void* IoMemory::device(size_t tensor) const {
    const CUdeviceptr block = copied_ ? device_.address() : host_.device_address();
    return reinterpret_cast<void*>(block + offsets_[tensor]);
}

std::vector<Span> IoMemory::spans(int32_t rows, size_t first) const {
    std::vector<Span> spans;
    if (!copied_) return spans;
    for (size_t i = first; i < offsets_.size(); ++i) {
        const size_t bytes = row_bytes_[i] * static_cast<size_t>(rows);
        const size_t end = spans.empty() ? 0 : spans.back().offset + spans.back().bytes;
        if (!spans.empty() && offsets_[i] - end <= kSmallGap)
            spans.back().bytes = offsets_[i] + bytes - spans.back().offset;
        else spans.push_back({offsets_[i], bytes});
    }
    return spans;
}

void IoMemory::to_device(const cuda::Stream& stream, const std::vector<Span>& spans) const {
    for (const Span& span : spans)
        stream.to_device(device_.address() + span.offset, host_.data() + span.offset, span.bytes);
}

void IoMemory::to_host(const cuda::Stream& stream, const std::vector<Span>& spans) const {
    for (const Span& span : spans)
        stream.to_host(host_.data() + span.offset, device_.address() + span.offset, span.bytes);
}

}  // namespace facedge::tensorrt
