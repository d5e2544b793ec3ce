#include "gpu_frame.hpp"

#include "image/image.hpp"

#include <algorithm>
#include <cstring>
#include <random>

namespace rig {

using namespace facedge;

GpuFrame::GpuFrame(Rig& rig, facedge_format format, int32_t width, int32_t height)
    : rig_(rig), context_(cuda::Context::retain(0)) {
    const cuda::Current current(*context_);
    const bool has_chroma = format < FACEDGE_FORMAT_RGB24;
    facedge_frame_default(&host);
    host.format = format;
    host.matrix = has_chroma ? FACEDGE_MATRIX_BT709 : FACEDGE_MATRIX_IDENTITY;
    host.range = has_chroma ? FACEDGE_RANGE_LIMITED : FACEDGE_RANGE_FULL;
    host.width = width;
    host.height = height;
    std::mt19937 random(7);
    gpu = host;
    gpu.memory = FACEDGE_MEMORY_CUDA;
    for (int i = 0; i < plane_count(format); ++i) {
        host.planes[i].stride = gpu.planes[i].stride = 3 * width + 5;
        pixels_[i].resize(plane_bytes(host, i));
        for (uint8_t& value : pixels_[i]) value = static_cast<uint8_t>(random());
        device_[i] = cuda::DeviceMemory(context_, pixels_[i].size());
        staging_[i] = cuda::HostMemory(context_, pixels_[i].size(), cuda::Mapping::kNone);
        host.planes[i].data = pixels_[i].data();
        gpu.planes[i].data = reinterpret_cast<const uint8_t*>(device_[i].address());
    }
    decoder_.emplace(context_);
    written_.emplace(context_);
}

void GpuFrame::write(bool right) {
    for (int i = 0; i < plane_count(host.format); ++i) {
        unsigned char* at = rig_.cuda.memory(device_[i].address(), pixels_[i].size());
        std::memcpy(at, pixels_[i].data(), pixels_[i].size());
        if (!right) std::fill(at, at + pixels_[i].size(), uint8_t{99});
    }
}

void GpuFrame::write_later() {
    const cuda::Current current(*context_);
    for (int i = 0; i < plane_count(host.format); ++i) {
        std::memcpy(staging_[i].data(), pixels_[i].data(), pixels_[i].size());
        decoder_->to_device(device_[i].address(), staging_[i].data(), pixels_[i].size());
    }
    decoder_->record(*written_);
    gpu.ready = written_->get();
}

}  // namespace rig
