// A frame of noise on the GPU, and the same on the host.
#pragma once

#include "cuda/stream.hpp"
#include "rig.hpp"

#include <optional>

namespace rig {

class GpuFrame {
public:
    // FACEDGE_FORMAT_*; BT.709 limited range where the format has chroma.
    GpuFrame(Rig& rig, facedge_format format, int32_t width, int32_t height);

    // Writes the pixels to the GPU at once, or wrong ones.
    void write(bool right = true);
    // Writes them on a stream of its own, as a decoder does, and has the crops wait for that.
    void write_later();

    facedge_frame host, gpu;

private:
    Rig& rig_;
    facedge::cuda::SharedContext context_;
    std::vector<uint8_t> pixels_[2];
    facedge::cuda::DeviceMemory device_[2];
    facedge::cuda::HostMemory staging_[2];
    std::optional<facedge::cuda::Stream> decoder_;
    std::optional<facedge::cuda::Event> written_;
};

}  // namespace rig
