// Bytes as descriptions: frames with the memory that they speak of, and faces.
#pragma once

#include <facedge/facedge.h>

#include <fuzzer/FuzzedDataProvider.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#define REQUIRE(condition) \
    do { \
        if (!(condition)) { \
            std::fprintf(stderr, "%s does not hold: %s\n", #condition, facedge_last_error()); \
            std::abort(); \
        } \
    } while (false)

namespace fuzz {

using Input = FuzzedDataProvider;

constexpr size_t kMostBytes = 1 << 20;  // of a plane

// Seldom, and not when the input is used up, which reads as zeros: most frames have to get through.
inline bool seldom(Input& in) { return in.ConsumeIntegral<uint8_t>() == 255; }

// A number of any kind, more often one that may be right.
inline int64_t number(Input& in, int64_t least, int64_t most) {
    return seldom(in) ? in.ConsumeIntegral<int64_t>()
                      : in.ConsumeIntegralInRange<int64_t>(least, most);
}

inline float coordinate(Input& in, int least, int most) {
    if (!seldom(in)) return static_cast<float>(in.ConsumeIntegralInRange<int>(least, most)) / 4;
    const uint32_t bits = in.ConsumeIntegral<uint32_t>();
    float value = 0;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

// Bytes of a row and rows of a plane, as facedge.h describes the formats.
inline size_t row_bytes(const facedge_frame& frame, int plane) {
    const auto width = static_cast<size_t>(frame.width);
    switch (frame.format) {
        case FACEDGE_FORMAT_NV12:
        case FACEDGE_FORMAT_NV21: return plane ? (width + 1) / 2 * 2 : width;
        case FACEDGE_FORMAT_YUYV: return 2 * width;
        case FACEDGE_FORMAT_RGB24:
        case FACEDGE_FORMAT_BGR24: return 3 * width;
        default: return width;
    }
}

inline size_t rows_of(const facedge_frame& frame, int plane) {
    const auto height = static_cast<size_t>(frame.height);
    return plane ? (height + 1) / 2 : height;
}

inline bool has_second_plane(const facedge_frame& frame) {
    return frame.format == FACEDGE_FORMAT_NV12 || frame.format == FACEDGE_FORMAT_NV21;
}

enum class Extent { kImpossible, kTooLarge, kFits };

// How many bytes a plane's description covers.
inline Extent extent(const facedge_frame& frame, int plane, size_t& bytes) {
    const ptrdiff_t stride = frame.planes[plane].stride;
    if (frame.width < 1 || frame.width > FACEDGE_MAX_SIDE || frame.height < 1 ||
        frame.height > FACEDGE_MAX_SIDE || stride < 0)
        return Extent::kImpossible;
    if (__builtin_mul_overflow(static_cast<size_t>(stride), rows_of(frame, plane) - 1, &bytes) ||
        __builtin_add_overflow(bytes, row_bytes(frame, plane), &bytes))
        return Extent::kImpossible;
    return bytes <= kMostBytes ? Extent::kFits : Extent::kTooLarge;
}

// Without its memory and release.
inline facedge_frame describe_frame(Input& in) {
    facedge_frame frame;
    facedge_frame_default(&frame);
    if (seldom(in)) frame.struct_size = in.ConsumeIntegral<size_t>();
    frame.format = static_cast<int32_t>(number(in, FACEDGE_FORMAT_NV12, FACEDGE_FORMAT_GRAY8));
    const bool is_rgb = frame.format >= FACEDGE_FORMAT_RGB24;
    frame.matrix = static_cast<int32_t>(number(in, is_rgb ? 1 : 2, is_rgb ? 1 : 4));
    frame.range = static_cast<int32_t>(number(in, is_rgb ? 2 : 1, 2));
    frame.width = static_cast<int32_t>(number(in, 1, 128));
    frame.height = static_cast<int32_t>(number(in, 1, 128));
    frame.timestamp_us = number(in, 0, 1000000);
    frame.memory = static_cast<int32_t>(number(in, FACEDGE_MEMORY_HOST, FACEDGE_MEMORY_DMABUF));
    for (int plane = 0; plane < 2; ++plane) {
        const auto row = static_cast<int64_t>(frame.width > 0 ? row_bytes(frame, plane) : 1);
        frame.planes[plane].stride = static_cast<ptrdiff_t>(number(in, row, row + 16));
        frame.planes[plane].offset =
            frame.memory == FACEDGE_MEMORY_DMABUF ? static_cast<size_t>(number(in, 0, 5000)) : 0;
        frame.planes[plane].fd = -1;
    }
    return frame;
}

// The memory behind a frame: exactly what its description covers.
class Memory {
public:
    Memory(Input& in, facedge_frame& frame) {
        for (int plane = 0; plane <= int{has_second_plane(frame)}; ++plane) {
            size_t bytes = 0;
            const Extent covers = extent(frame, plane, bytes);
            if (covers != Extent::kFits) bytes = 1;
            playable_ &= covers == Extent::kFits;
            affordable_ &= covers != Extent::kTooLarge;
            if (frame.memory == FACEDGE_MEMORY_DMABUF)
                make_file(in, frame.planes[plane], bytes, plane);
            else make_block(in, frame.planes[plane], bytes, plane);
        }
    }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    ~Memory() {
        for (int fd : files_) {
            if (fd >= 0) close(fd);
        }
    }
    // Whether the frame may be accepted.
    bool playable() const { return playable_; }
    // Whether it may be submitted: memory of the size it speaks of may exist elsewhere.
    bool affordable() const { return affordable_; }

private:
    void make_block(Input& in, facedge_plane& plane, size_t bytes, int index) {
        if (seldom(in)) return;  // stays NULL
        blocks_[index].reset(new uint8_t[bytes]);
        std::memset(blocks_[index].get(), in.ConsumeIntegral<uint8_t>(), bytes);
        plane.data = blocks_[index].get();
    }
    void make_file(Input& in, facedge_plane& plane, size_t bytes, int index) {
        if (seldom(in)) return;  // stays -1
        size_t end = 0;
        if (__builtin_add_overflow(bytes, plane.offset, &end) || end > kMostBytes)
            playable_ = false, end = 1;
        if (seldom(in) && end > 1) playable_ = false, --end;
        files_[index] = memfd_create("frame", MFD_CLOEXEC);
        REQUIRE(ftruncate(files_[index], static_cast<off_t>(end)) == 0);
        plane.fd = files_[index];
    }

    std::unique_ptr<uint8_t[]> blocks_[2];
    int files_[2] = {-1, -1};
    bool playable_ = true, affordable_ = true;
};

inline facedge_roi describe_face(Input& in, size_t index) {
    facedge_roi roi = {};
    roi.track = seldom(in) ? 0 : 8 * index + in.ConsumeIntegralInRange<size_t>(0, 7);
    roi.kind = static_cast<int32_t>(number(in, FACEDGE_ROI_LANDMARKS, FACEDGE_ROI_BOX));
    roi.reserved = seldom(in);
    // The mean face, larger or smaller, elsewhere, and every point a little off.
    constexpr int kFace[5][2] = {{0, 0}, {49, 0}, {24, 28}, {5, 55}, {44, 55}};
    const int size = in.ConsumeIntegralInRange<int>(1, 16);
    const int x = in.ConsumeIntegralInRange<int>(-64, 512);
    const int y = in.ConsumeIntegralInRange<int>(-64, 512);
    for (int i = 0; i < 5; ++i) {
        const int px = x + kFace[i][0] * size / 4, py = y + kFace[i][1] * size / 4;
        roi.points[i][0] = coordinate(in, px, px + 16);
        roi.points[i][1] = coordinate(in, py, py + 16);
    }
    for (int i = 0; i < 4; ++i) roi.box[i] = coordinate(in, i < 2 ? -64 : 8, 512);
    return roi;
}

}  // namespace fuzz
