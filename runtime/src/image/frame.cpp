// What a frame's description must satisfy before a pixel of it is read.
#include "image/refuse.hpp"

namespace facedge {
namespace {

// So that offset + rows * stride fits what a pointer can reach.
constexpr ptrdiff_t kMostStride = PTRDIFF_MAX / FACEDGE_MAX_SIDE / 2;
constexpr size_t kMostOffset = static_cast<size_t>(PTRDIFF_MAX) / 2;

const char* format_name(int32_t format) {
    switch (format) {
        case FACEDGE_FORMAT_NV12: return "NV12";
        case FACEDGE_FORMAT_NV21: return "NV21";
        case FACEDGE_FORMAT_YUYV: return "YUYV";
        case FACEDGE_FORMAT_RGB24: return "RGB24";
        case FACEDGE_FORMAT_BGR24: return "BGR24";
        case FACEDGE_FORMAT_GRAY8: return "GRAY8";
        default: return nullptr;
    }
}

bool has_chroma(int32_t format) {
    return format == FACEDGE_FORMAT_NV12 || format == FACEDGE_FORMAT_NV21 ||
           format == FACEDGE_FORMAT_YUYV;
}

bool is_rgb(int32_t format) {
    return format == FACEDGE_FORMAT_RGB24 || format == FACEDGE_FORMAT_BGR24;
}

size_t row_bytes(const facedge_frame& frame, int index) {
    const auto width = static_cast<size_t>(frame.width);
    switch (frame.format) {
        case FACEDGE_FORMAT_NV12:
        case FACEDGE_FORMAT_NV21: return index == 0 ? width : (width + 1) / 2 * 2;
        case FACEDGE_FORMAT_YUYV: return width * 2;
        case FACEDGE_FORMAT_GRAY8: return width;
        default: return width * 3;
    }
}

size_t plane_rows(const facedge_frame& frame, int index) {
    const auto height = static_cast<size_t>(frame.height);
    return index == 0 ? height : (height + 1) / 2;
}

facedge_code check_color(const facedge_frame& frame, Refusal& why) {
    const char* name = format_name(frame.format);
    if (!name) {
        return refuse(why, FACEDGE_EFRAME,
                      "frame.format is %d, expected one of facedge_format, such as "
                      "FACEDGE_FORMAT_NV12",
                      frame.format);
    }
    const bool converts = has_chroma(frame.format);
    if (frame.matrix < FACEDGE_MATRIX_IDENTITY || frame.matrix > FACEDGE_MATRIX_BT2020) {
        return refuse(why, FACEDGE_EFRAME,
                      "frame.matrix is %d, expected %s; there is no default, because a wrong guess "
                      "shifts every colour",
                      frame.matrix,
                      converts ? "FACEDGE_MATRIX_BT601, _BT709 or _BT2020, as the camera says"
                               : "FACEDGE_MATRIX_IDENTITY");
    }
    if (converts == (frame.matrix == FACEDGE_MATRIX_IDENTITY)) {
        return refuse(why, FACEDGE_EFRAME, "frame.matrix is %s and the format is %s; expected %s",
                      converts ? "FACEDGE_MATRIX_IDENTITY" : "one for luma and chroma", name,
                      converts ? "FACEDGE_MATRIX_BT601, _BT709 or _BT2020, as the camera says"
                               : "FACEDGE_MATRIX_IDENTITY");
    }
    if (frame.range != FACEDGE_RANGE_LIMITED && frame.range != FACEDGE_RANGE_FULL) {
        return refuse(why, FACEDGE_EFRAME,
                      "frame.range is %d, expected FACEDGE_RANGE_LIMITED or FACEDGE_RANGE_FULL, as "
                      "the camera says",
                      frame.range);
    }
    if (is_rgb(frame.format) && frame.range != FACEDGE_RANGE_FULL) {
        return refuse(why, FACEDGE_EFRAME,
                      "frame.range is FACEDGE_RANGE_LIMITED and the format is %s; expected "
                      "FACEDGE_RANGE_FULL: stretch the values first",
                      name);
    }
    return FACEDGE_OK;
}

facedge_code check_size(const facedge_frame& frame, Refusal& why) {
    const bool sane = frame.width >= 1 && frame.height >= 1 && frame.width <= FACEDGE_MAX_SIDE &&
                      frame.height <= FACEDGE_MAX_SIDE;
    if (!sane) {
        return refuse(why, FACEDGE_EFRAME,
                      "the frame is %dx%d pixels, expected 1 to %d in width and height",
                      frame.width, frame.height, FACEDGE_MAX_SIDE);
    }
    if (frame.format == FACEDGE_FORMAT_YUYV && frame.width % 2 != 0) {
        return refuse(
            why, FACEDGE_EFRAME,
            "the frame is %d pixels wide, expected an even width for YUYV; pass the width "
            "that the camera reports",
            frame.width);
    }
    return FACEDGE_OK;
}

facedge_code check_plane(const facedge_frame& frame, int index, Refusal& why) {
    const facedge_plane& plane = frame.planes[index];
    if (frame.memory == FACEDGE_MEMORY_DMABUF) {
        if (plane.fd < 0) {
            return refuse(why, FACEDGE_EFRAME,
                          "frame.planes[%d].fd is %d, expected the dma-buf's file descriptor",
                          index, plane.fd);
        }
    } else if (!plane.data) {
        return refuse(why, FACEDGE_EFRAME,
                      "frame.planes[%d].data is NULL, expected the plane's first row; %s has %d "
                      "plane%s",
                      index, format_name(frame.format), plane_count(frame.format),
                      plane_count(frame.format) == 1 ? "" : "s");
    }
    const size_t least = row_bytes(frame, index);
    if (plane.stride < 0 || static_cast<size_t>(plane.stride) < least) {
        return refuse(why, FACEDGE_EFRAME,
                      "frame.planes[%d].stride is %td bytes, expected at least %zu, the bytes of a "
                      "row of %d pixels of %s; pass the distance from a row to the next",
                      index, plane.stride, least, frame.width, format_name(frame.format));
    }
    const size_t offset = frame.memory == FACEDGE_MEMORY_DMABUF ? plane.offset : 0;
    if (plane.stride > kMostStride || offset > kMostOffset) {
        return refuse(why, FACEDGE_EFRAME,
                      "frame.planes[%d] has a stride of %td bytes and an offset of %zu, expected "
                      "at most %td and %zu: no buffer is larger",
                      index, plane.stride, offset, kMostStride, kMostOffset);
    }
    return FACEDGE_OK;
}

}  // namespace

int plane_count(int32_t format) {
    return format == FACEDGE_FORMAT_NV12 || format == FACEDGE_FORMAT_NV21 ? 2 : 1;
}

size_t plane_bytes(const facedge_frame& frame, int index) {
    return static_cast<size_t>(frame.planes[index].stride) * (plane_rows(frame, index) - 1) +
           row_bytes(frame, index);
}

facedge_code check_frame(const facedge_frame& frame, Refusal& why) {
    if (frame.memory != FACEDGE_MEMORY_HOST && frame.memory != FACEDGE_MEMORY_DMABUF &&
        frame.memory != FACEDGE_MEMORY_CUDA) {
        return refuse(why, FACEDGE_EFRAME,
                      "frame.memory is %d, expected one of facedge_memory, such as "
                      "FACEDGE_MEMORY_HOST",
                      frame.memory);
    }
    if (facedge_code code = check_color(frame, why)) return code;
    if (facedge_code code = check_size(frame, why)) return code;
    for (int i = 0; i < plane_count(frame.format); ++i) {
        if (facedge_code code = check_plane(frame, i, why)) return code;
    }
    if (frame.ready && frame.memory != FACEDGE_MEMORY_CUDA) {
        return refuse(why, FACEDGE_EINVAL,
                      "frame.ready is set and frame.memory is not FACEDGE_MEMORY_CUDA; expected "
                      "NULL: host memory is ready when it is submitted");
    }
    return FACEDGE_OK;
}

}  // namespace facedge
