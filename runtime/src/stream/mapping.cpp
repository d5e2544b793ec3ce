#include "stream/mapping.hpp"

#include <linux/dma-buf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace facedge {
namespace {

// Bytes of the buffer behind a descriptor, or -1.
int64_t buffer_bytes(int fd) {
    struct stat about;
    if (fstat(fd, &about) != 0) return -1;
    if (S_ISREG(about.st_mode) || about.st_size > 0) return about.st_size;
    return lseek(fd, 0, SEEK_END);  // dma-bufs before Linux 5.3; they have no position to disturb
}

// Plain memory is always coherent and knows no such call: ENOTTY, or ENOSYS from an emulator, which
// does not pass it on.
bool sync_for_reading(int fd, uint64_t when) {
    struct dma_buf_sync sync = {};
    sync.flags = when | DMA_BUF_SYNC_READ;
    int code = 0;
    do {
        code = ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync);
    } while (code != 0 && (errno == EINTR || errno == EAGAIN));
    return code == 0 || errno == ENOTTY || errno == ENOSYS;
}

facedge_code refuse(Refusal& why, facedge_code code, const char* what, int index, int fd) {
    const int cause = errno;
    std::snprintf(why.text, sizeof why.text,
                  "planes[%d].fd %d %s: %s; keep the descriptor open and readable until the frame "
                  "is released",
                  index, fd, what, std::strerror(cause));
    return why.code = code;
}

}  // namespace

facedge_code check_buffers(const facedge_frame& frame, Refusal& why) {
    for (int i = 0; i < plane_count(frame.format); ++i) {
        const facedge_plane& plane = frame.planes[i];
        const int64_t bytes = buffer_bytes(plane.fd);
        if (bytes < 0) return refuse(why, FACEDGE_EFRAME, "is no buffer", i, plane.fd);
        size_t end = 0;
        if (__builtin_add_overflow(plane.offset, plane_bytes(frame, i), &end) ||
            end > static_cast<uint64_t>(bytes)) {
            std::snprintf(why.text, sizeof why.text,
                          "planes[%d].fd %d has %lld bytes, expected %zu from offset %zu on; check "
                          "width, height, stride and offset",
                          i, plane.fd, static_cast<long long>(bytes), plane_bytes(frame, i),
                          plane.offset);
            return why.code = FACEDGE_EFRAME;
        }
    }
    return FACEDGE_OK;
}

facedge_code MappedFrame::map(const facedge_frame& frame, Refusal& why) {
    static const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    for (int i = 0; i < plane_count(frame.format); ++i) {
        const facedge_plane& given = frame.planes[i];
        Plane& plane = planes_[i];
        const size_t before = given.offset % page;
        const size_t bytes = before + plane_bytes(frame, i);
        void* start = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, given.fd,
                           static_cast<off_t>(given.offset - before));
        if (start == MAP_FAILED) return refuse(why, FACEDGE_EIO, "cannot be mapped", i, given.fd);
        plane.start = start;
        plane.bytes = bytes;
        plane.data = static_cast<const uint8_t*>(start) + before;
        plane.fd = given.fd;
        if (!sync_for_reading(given.fd, DMA_BUF_SYNC_START))
            return refuse(why, FACEDGE_EIO, "cannot be synchronised", i, given.fd);
        plane.synced = true;
    }
    return FACEDGE_OK;
}

MappedFrame::~MappedFrame() {
    for (Plane& plane : planes_) {
        if (plane.synced) sync_for_reading(plane.fd, DMA_BUF_SYNC_END);
        if (plane.start) munmap(plane.start, plane.bytes);
    }
}

}  // namespace facedge
