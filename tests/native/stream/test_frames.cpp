// Camera frames of every format, and of changing size. What the crops look like is for the tests of
// the image code; here they are of one colour, which every crop keeps.
#include "stream/fixture.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

using fixture::face;
using fixture::Model;
using fixture::open_model;
using fixture::settings_of;
using fixture::Stream;

namespace {

struct Buffers {
    std::vector<uint8_t> planes[2];
};

// A frame of one colour; full range, so that gray stays gray in every format.
facedge_frame plain_frame(int32_t format, int width, int height, uint8_t value, Buffers& buffers) {
    facedge_frame frame;
    facedge_frame_default(&frame);
    frame.format = format;
    frame.range = FACEDGE_RANGE_FULL;
    frame.width = width;
    frame.height = height;
    const bool is_yuv = format <= FACEDGE_FORMAT_YUYV;
    frame.matrix = is_yuv ? FACEDGE_MATRIX_BT601 : FACEDGE_MATRIX_IDENTITY;
    const int bytes = format == FACEDGE_FORMAT_YUYV                                      ? 2
                      : format == FACEDGE_FORMAT_RGB24 || format == FACEDGE_FORMAT_BGR24 ? 3
                                                                                         : 1;
    const size_t stride = static_cast<size_t>(bytes) * static_cast<size_t>(width) + 7;
    buffers.planes[0].assign(stride * static_cast<size_t>(height), value);
    frame.planes[0].data = buffers.planes[0].data();
    frame.planes[0].stride = static_cast<ptrdiff_t>(stride);
    if (format == FACEDGE_FORMAT_YUYV) {
        for (size_t i = 0; i < buffers.planes[0].size(); ++i) {
            if (i % stride % 2 == 1) buffers.planes[0][i] = 128;
        }
    }
    if (format <= FACEDGE_FORMAT_NV21) {
        const size_t chroma = static_cast<size_t>((width + 1) / 2 * 2 + 3);
        buffers.planes[1].assign(chroma * static_cast<size_t>((height + 1) / 2), 128);
        frame.planes[1].data = buffers.planes[1].data();
        frame.planes[1].stride = static_cast<ptrdiff_t>(chroma);
    }
    return frame;
}

}  // namespace

TEST_CASE("every format goes through, in sizes that change from frame to frame") {
    const Model model = open_model(fake::super_resolution());
    for (int32_t mode : {FACEDGE_MODE_WORKER, FACEDGE_MODE_INLINE}) {
        facedge_stream_settings settings = settings_of(model);
        settings.mode = mode;
        const Stream stream = fixture::open_stream(settings);
        uint8_t value = 30;
        for (int32_t format = FACEDGE_FORMAT_NV12; format <= FACEDGE_FORMAT_GRAY8; ++format) {
            for (auto [width, height] : {std::pair{64, 48}, {130, 75}, {32, 33}, {2, 2}}) {
                Buffers buffers;
                const facedge_frame frame = plain_frame(format, width, height, value, buffers);
                const auto side = static_cast<float>(std::max(height, 16));
                const facedge_roi rois[] = {face(1, 0, 0, side), face(2, 1, 1, side / 2)};
                INFO("format " << format << ", " << width << "x" << height);
                const int code = facedge_submit(stream.get(), &frame, rois, 2);
                INFO(std::string(facedge_last_error()));
                REQUIRE(code == FACEDGE_OK);
                const facedge_result result = fixture::take(stream);
                REQUIRE(result.status == FACEDGE_OK);
                REQUIRE(result.n_faces == 2);
                for (int i = 0; i < 32 * 96; ++i) {
                    // One grey level: rounding of the conversion.
                    REQUIRE(std::abs(result.faces[0].restored[i] - value) <= 1);
                    REQUIRE(std::abs(result.faces[1].restored[i] - value) <= 1);
                }
                value = static_cast<uint8_t>(value + 9);
                if (value > 220) value = 30;
            }
        }
    }
}

TEST_CASE("a face's crop lies where its box is, and the result says where") {
    const Model model = open_model(fake::super_resolution());
    const Stream stream = fixture::open_stream(settings_of(model));
    fixture::Picture picture(0, 64, 48);
    // Columns of growing value: what a crop shows tells where it was taken.
    for (size_t y = 0; y < 48; ++y) {
        for (size_t x = 0; x < 64; ++x) {
            for (size_t c = 0; c < 3; ++c)
                picture.pixels()[3 * (64 * y + x) + c] = static_cast<uint8_t>(4 * x);
        }
    }
    const facedge_frame frame = picture.frame();
    const facedge_roi rois[] = {face(1, 8, 12, 16), face(2, 30, 12, 16)};
    REQUIRE(facedge_submit(stream.get(), &frame, rois, 2) == FACEDGE_OK);
    const facedge_result result = fixture::take(stream);
    for (size_t i = 0; i < 2; ++i) {
        const facedge_face& found = result.faces[i];
        const auto& to_frame = found.restored_to_frame;
        for (int x : {8, 15, 23}) {  // away from the picture's borders
            const float in_frame =
                to_frame[0][0] * static_cast<float>(x) + to_frame[0][1] * 16.0f + to_frame[0][2];
            // The fake network repeats each crop pixel twice: half a crop pixel of uncertainty, and
            // one grey level of rounding.
            const float tolerance = 4 * to_frame[0][0] + 1;
            CHECK(std::abs(static_cast<float>(found.restored[16 * 96 + 3 * x]) - 4 * in_frame) <=
                  tolerance);
        }
    }
    // The two boxes are 22 pixels apart.
    CHECK(result.faces[1].restored_to_frame[0][2] - result.faces[0].restored_to_frame[0][2] ==
          doctest::Approx(22));
}
