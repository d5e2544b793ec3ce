// Frames in dma-bufs, mapped while they are read. Plain files and memfds work too.
#pragma once

#include "image/image.hpp"

#include <facedge/facedge.h>

namespace facedge {

// Whether the planes of a DMABUF frame lie inside their buffers. FACEDGE_EFRAME: a buffer is too
// small or the descriptor is none. `frame` has passed check_frame.
facedge_code check_buffers(const facedge_frame& frame, Refusal& why);

class MappedFrame {
public:
    MappedFrame() = default;
    MappedFrame(const MappedFrame&) = delete;
    MappedFrame& operator=(const MappedFrame&) = delete;
    ~MappedFrame();

    // Maps the planes and tells the buffers' exporter that the CPU reads. FACEDGE_EIO: the operating
    // system refuses.
    facedge_code map(const facedge_frame& frame, Refusal& why);

    const uint8_t* plane(int index) const { return planes_[index].data; }

private:
    struct Plane {
        void* start = nullptr;  // page-aligned
        size_t bytes = 0;
        const uint8_t* data = nullptr;
        int fd = -1;
        bool synced = false;
    };
    Plane planes_[2];
};

}  // namespace facedge
