// Frames in buffers that are mapped while they are read. A memfd stands for a dma-buf: there is no
// exporter on every machine, and it takes the same way but for the cache synchronisation.
#include "stream/fixture.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <vector>

using fixture::error_says;
using fixture::face;
using fixture::Model;
using fixture::open_model;
using fixture::settings_of;
using fixture::Stream;

namespace {

class Memory {
public:
    explicit Memory(const std::vector<uint8_t>& bytes) : fd_(memfd_create("frame", MFD_CLOEXEC)) {
        REQUIRE(fd_ >= 0);
        REQUIRE(write(fd_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    ~Memory() { close_now(); }
    int fd() const { return fd_; }
    void close_now() {
        if (fd_ >= 0) close(fd_);
        fd_ = -1;
    }

private:
    int fd_;
};

constexpr int kWidth = 64, kHeight = 48;

facedge_frame gray_frame(int fd, size_t offset = 0) {
    facedge_frame frame;
    facedge_frame_default(&frame);
    frame.format = FACEDGE_FORMAT_GRAY8;
    frame.matrix = FACEDGE_MATRIX_IDENTITY;
    frame.range = FACEDGE_RANGE_FULL;
    frame.memory = FACEDGE_MEMORY_DMABUF;
    frame.width = kWidth;
    frame.height = kHeight;
    frame.planes[0].fd = fd;
    frame.planes[0].offset = offset;
    frame.planes[0].stride = kWidth;
    return frame;
}

facedge_result play(const Stream& stream, const facedge_frame& frame) {
    const facedge_roi roi = face();
    const int code = facedge_submit(stream.get(), &frame, &roi, 1);
    INFO(std::string(facedge_last_error()));
    REQUIRE(code == FACEDGE_OK);
    return fixture::take(stream);
}

}  // namespace

TEST_CASE("a frame in a buffer is read, at any offset") {
    const Model model = open_model(fake::super_resolution());
    const Stream stream = fixture::open_stream(settings_of(model));
    for (size_t offset : {0, 1, 4095, 4096, 10000}) {
        std::vector<uint8_t> bytes(offset, 0);
        bytes.resize(offset + kWidth * kHeight, 77);
        const Memory memory(bytes);
        const facedge_result result = play(stream, gray_frame(memory.fd(), offset));
        REQUIRE(result.status == FACEDGE_OK);
        CHECK(result.faces[0].restored[0] == 77);
        CHECK(lseek(memory.fd(), 0, SEEK_CUR) == static_cast<off_t>(bytes.size()));  // undisturbed
    }
}

TEST_CASE("two planes in one buffer, or in two") {
    const Model model = open_model(fake::super_resolution());
    const Stream stream = fixture::open_stream(settings_of(model));
    std::vector<uint8_t> luma(kWidth * kHeight, 90), chroma(kWidth * kHeight / 2, 128);
    std::vector<uint8_t> both = luma;
    both.insert(both.end(), chroma.begin(), chroma.end());
    const Memory one(both), first(luma), second(chroma);
    facedge_frame frame = gray_frame(one.fd());
    frame.format = FACEDGE_FORMAT_NV12;
    frame.matrix = FACEDGE_MATRIX_BT709;
    frame.planes[1].fd = one.fd();
    frame.planes[1].offset = luma.size();
    frame.planes[1].stride = kWidth;
    CHECK(play(stream, frame).faces[0].restored[0] == 90);
    frame.planes[0].fd = first.fd();
    frame.planes[1].fd = second.fd();
    frame.planes[1].offset = 0;
    CHECK(play(stream, frame).faces[0].restored[0] == 90);
}

TEST_CASE("a buffer that is too small is refused") {
    const Model model = open_model(fake::super_resolution());
    const Stream stream = fixture::open_stream(settings_of(model));
    const Memory memory(std::vector<uint8_t>(kWidth * kHeight - 1, 1));
    const facedge_roi roi = face();
    facedge_frame frame = gray_frame(memory.fd());
    CHECK(facedge_submit(stream.get(), &frame, &roi, 1) == FACEDGE_EFRAME);
    CHECK(error_says("has 3071 bytes, expected 3072 from offset 0 on"));
    for (size_t offset : {size_t{3072}, SIZE_MAX, SIZE_MAX - 3071}) {
        frame.planes[0].offset = offset;
        CHECK(facedge_submit(stream.get(), &frame, &roi, 1) == FACEDGE_EFRAME);
    }
    // The last row ends where its pixels do, not at its stride.
    frame = gray_frame(memory.fd());
    frame.width = kWidth - 1;
    CHECK(play(stream, frame).status == FACEDGE_OK);
}

TEST_CASE("descriptors that are none are refused") {
    const Model model = open_model(fake::super_resolution());
    const Stream stream = fixture::open_stream(settings_of(model));
    const facedge_roi roi = face();
    const facedge_frame negative = gray_frame(-1), unknown = gray_frame(1000000);
    CHECK(facedge_submit(stream.get(), &negative, &roi, 1) < 0);
    CHECK(facedge_submit(stream.get(), &unknown, &roi, 1) == FACEDGE_EFRAME);
    CHECK(error_says("planes[0].fd 1000000 is no buffer"));
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const facedge_frame frame = gray_frame(ends[0]);
    CHECK(facedge_submit(stream.get(), &frame, &roi, 1) == FACEDGE_EFRAME);
    close(ends[0]);
    close(ends[1]);
}

TEST_CASE("a buffer that cannot be read any more is a failed frame, and is released") {
    const Model model = open_model(fake::super_resolution("", 1));
    facedge_stream_settings settings = settings_of(model);
    settings.mode = FACEDGE_MODE_WORKER;
    const Stream stream = fixture::open_stream(settings);
    const std::vector<uint8_t> bytes(kWidth * kHeight, 5);
    const Memory kept(bytes);
    Memory closed(bytes);
    const facedge_roi roi = face();
    fixture::Releases releases;
    fixture::Gate gate;
    facedge_frame frame = gray_frame(kept.fd());
    gate.attach(frame);
    REQUIRE(facedge_submit(stream.get(), &frame, &roi, 1) == FACEDGE_OK);
    frame = gray_frame(closed.fd());
    releases.attach(frame);
    REQUIRE(facedge_submit(stream.get(), &frame, &roi, 1) == FACEDGE_OK);
    closed.close_now();
    gate.open();
    CHECK(fixture::take(stream).status == FACEDGE_OK);
    const facedge_result failed = fixture::take(stream);
    CHECK(failed.status == FACEDGE_EIO);
    CHECK(fixture::says(failed.message, "cannot be mapped"));
    CHECK(failed.faces == nullptr);
    CHECK(releases.count == 1);
    const facedge_result next = play(stream, gray_frame(kept.fd()));
    CHECK(next.status == FACEDGE_OK);
    CHECK(next.faces[0].fresh == 1);  // the failed frame took the state with it
}
