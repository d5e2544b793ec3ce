// What check_frame takes and refuses.
#include "image/image.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace facedge;

namespace {

const uint8_t kPixels[1] = {};

facedge_frame nv12() {
    facedge_frame frame = {};
    frame.struct_size = sizeof frame;
    frame.format = FACEDGE_FORMAT_NV12;
    frame.matrix = FACEDGE_MATRIX_BT709;
    frame.range = FACEDGE_RANGE_LIMITED;
    frame.memory = FACEDGE_MEMORY_HOST;
    frame.width = 1919;
    frame.height = 1081;
    for (facedge_plane& plane : frame.planes) {
        plane.data = kPixels;
        plane.stride = 1920;
    }
    return frame;
}

facedge_frame rgb24() {
    facedge_frame frame = nv12();
    frame.format = FACEDGE_FORMAT_RGB24;
    frame.matrix = FACEDGE_MATRIX_IDENTITY;
    frame.range = FACEDGE_RANGE_FULL;
    frame.planes[0].stride = 3 * 1919;
    frame.planes[1] = {};
    return frame;
}

facedge_frame yuyv() {
    facedge_frame frame = nv12();
    frame.format = FACEDGE_FORMAT_YUYV;
    frame.width = 1920;
    frame.planes[0].stride = 2 * 1920;
    frame.planes[1] = {};
    return frame;
}

facedge_frame dmabuf() {
    facedge_frame frame = nv12();
    frame.memory = FACEDGE_MEMORY_DMABUF;
    for (facedge_plane& plane : frame.planes) {
        plane.data = nullptr;
        plane.fd = 3;
    }
    return frame;
}

void accepted(const facedge_frame& frame) {
    Refusal why;
    CHECK(check_frame(frame, why) == FACEDGE_OK);
    CHECK(std::string(why.text) == "");
}

// Refused with one sentence that has all these words.
void refused(const facedge_frame& frame, std::initializer_list<const char*> words,
             facedge_code code = FACEDGE_EFRAME) {
    Refusal why;
    REQUIRE(check_frame(frame, why) == code);
    CHECK(why.code == code);
    const std::string text = why.text;
    CAPTURE(text);
    CHECK(text.find('\n') == std::string::npos);
    CHECK(text.find("xpected") != std::string::npos);
    for (const char* word : words) {
        CAPTURE(word);
        CHECK(text.find(word) != std::string::npos);
    }
}

}  // namespace

TEST_CASE("frames of every format and memory are accepted") {
    accepted(nv12());
    accepted(rgb24());
    accepted(yuyv());
    accepted(dmabuf());
    facedge_frame frame = nv12();
    frame.format = FACEDGE_FORMAT_NV21;
    accepted(frame);
    frame = rgb24();
    frame.format = FACEDGE_FORMAT_BGR24;
    accepted(frame);
    frame = rgb24();
    frame.format = FACEDGE_FORMAT_GRAY8;
    accepted(frame);
    frame.range = FACEDGE_RANGE_LIMITED;
    accepted(frame);
    frame = nv12();
    frame.memory = FACEDGE_MEMORY_CUDA;
    int event;
    frame.ready = &event;
    accepted(frame);
    frame = nv12();
    frame.width = frame.height = FACEDGE_MAX_SIDE;
    frame.planes[0].stride = frame.planes[1].stride = FACEDGE_MAX_SIDE;
    accepted(frame);
    frame.width = frame.height = 1;
    frame.planes[0].stride = 1;
    frame.planes[1].stride = 2;
    accepted(frame);
}

TEST_CASE("unknown values are refused") {
    for (const int32_t value : {0, -1, 7, INT32_MAX, INT32_MIN}) {
        facedge_frame frame = nv12();
        frame.format = value;
        refused(frame, {"frame.format", std::to_string(value).c_str()});
        frame = nv12();
        frame.matrix = value;
        refused(frame, {"frame.matrix", std::to_string(value).c_str(), "BT709"});
        frame = nv12();
        frame.range = value;
        refused(frame, {"frame.range", std::to_string(value).c_str(), "LIMITED", "FULL"});
        frame = nv12();
        frame.memory = value;
        refused(frame, {"frame.memory", std::to_string(value).c_str()});
    }
}

TEST_CASE("a matrix or range that contradicts the format is refused") {
    facedge_frame frame = nv12();
    frame.matrix = FACEDGE_MATRIX_IDENTITY;
    refused(frame, {"IDENTITY", "NV12", "BT601"});
    frame = rgb24();
    frame.matrix = FACEDGE_MATRIX_BT601;
    refused(frame, {"RGB24", "IDENTITY"});
    frame = rgb24();
    frame.format = FACEDGE_FORMAT_GRAY8;
    frame.matrix = FACEDGE_MATRIX_BT601;
    refused(frame, {"GRAY8", "IDENTITY"});
    frame = rgb24();
    frame.range = FACEDGE_RANGE_LIMITED;
    refused(frame, {"RGB24", "FULL"});
}

TEST_CASE("sizes outside 1 to 16384 are refused") {
    for (const int32_t value : {0, -1, FACEDGE_MAX_SIDE + 1, INT32_MAX, INT32_MIN}) {
        facedge_frame frame = nv12();
        frame.width = value;
        refused(frame, {std::to_string(value).c_str(), "1081", "16384"});
        frame = nv12();
        frame.height = value;
        refused(frame, {std::to_string(value).c_str(), "1919", "16384"});
    }
    facedge_frame frame = yuyv();
    frame.width = 1919;
    refused(frame, {"1919", "YUYV", "even"});
}

TEST_CASE("strides that cannot be true are refused") {
    struct {
        facedge_frame frame;
        int plane;
        ptrdiff_t least;
    } const kinds[] = {
        {nv12(), 0, 1919}, {nv12(), 1, 1920}, {rgb24(), 0, 3 * 1919}, {yuyv(), 0, 2 * 1920}};
    for (const auto& kind : kinds) {
        for (const ptrdiff_t stride :
             {kind.least - 1, ptrdiff_t{0}, ptrdiff_t{-1}, -kind.least, PTRDIFF_MIN}) {
            facedge_frame frame = kind.frame;
            frame.planes[kind.plane].stride = stride;
            refused(frame,
                    {"stride", std::to_string(stride).c_str(), std::to_string(kind.least).c_str(),
                     ("planes[" + std::to_string(kind.plane) + "]").c_str()});
        }
        facedge_frame frame = kind.frame;
        frame.planes[kind.plane].stride = kind.least;
        accepted(frame);
        frame.planes[kind.plane].stride = PTRDIFF_MAX;
        refused(frame, {"stride", std::to_string(PTRDIFF_MAX).c_str()});
    }
}

TEST_CASE("planes that are not there are refused") {
    for (int plane = 0; plane < 2; ++plane) {
        const std::string name = "planes[" + std::to_string(plane) + "]";
        facedge_frame frame = nv12();
        frame.planes[plane].data = nullptr;
        refused(frame, {name.c_str(), "NULL", "NV12"});
        frame = dmabuf();
        frame.planes[plane].fd = -1;
        refused(frame, {name.c_str(), "-1", "file descriptor"});
        frame = dmabuf();
        frame.planes[plane].offset = SIZE_MAX;
        refused(frame, {name.c_str(), "offset"});
    }
    facedge_frame frame = nv12();
    int event;
    frame.ready = &event;
    refused(frame, {"frame.ready", "NULL"}, FACEDGE_EINVAL);
}

TEST_CASE("a plane ends with the last row's last pixel") {
    CHECK(plane_count(FACEDGE_FORMAT_NV12) == 2);
    CHECK(plane_count(FACEDGE_FORMAT_NV21) == 2);
    CHECK(plane_count(FACEDGE_FORMAT_YUYV) == 1);
    CHECK(plane_count(FACEDGE_FORMAT_RGB24) == 1);
    CHECK(plane_bytes(nv12(), 0) == 1920u * 1080 + 1919);
    CHECK(plane_bytes(nv12(), 1) == 1920u * 540 + 1920);
    CHECK(plane_bytes(rgb24(), 0) == 5757u * 1081);
    CHECK(plane_bytes(yuyv(), 0) == 3840u * 1081);
}
