// Colours of flat frames, against values of the specifications.
#include "cases.hpp"

#include <doctest/doctest.h>

#include <cstring>

using namespace facedge;
using namespace facedge::checkkernels;

namespace {

struct Yuv {
    int y, u, v;
};

// The one colour of a crop of a flat frame.
std::vector<uint8_t> color(facedge_format format, facedge_matrix matrix, facedge_range range,
                           Yuv yuv) {
    OwnedFrame frame(format, matrix, range, 50, 40, 3);
    for (int plane = 0; plane < plane_count(format); ++plane) {
        const ptrdiff_t stride = frame.view().stride[plane];
        std::vector<uint8_t>& bytes = frame.plane(plane);
        for (size_t i = 0; i < bytes.size(); ++i) {
            const ptrdiff_t x = static_cast<ptrdiff_t>(i) % stride;
            int value = yuv.y;
            if (format == FACEDGE_FORMAT_YUYV && x % 2) value = x % 4 == 1 ? yuv.u : yuv.v;
            if (plane == 1) value = (x % 2 == 0) == (format == FACEDGE_FORMAT_NV12) ? yuv.u : yuv.v;
            bytes[i] = static_cast<uint8_t>(value);
        }
    }
    const Case one{std::move(frame), FACEDGE_FILTER_BICUBIC, 16, 16, place(2, 0, 25, 20, 16, 16)};
    const std::vector<uint8_t> rgb = cropped(one);
    for (size_t i = 3; i < rgb.size(); ++i) CHECK(rgb[i] == rgb[i % 3]);
    return {rgb[0], rgb[1], rgb[2]};
}

using Color = std::vector<uint8_t>;

void near(const Color& found, const Color& expected) {
    for (size_t i = 0; i < 3; ++i) CHECK(std::abs(int(found[i]) - int(expected[i])) <= 1);
}

}  // namespace

TEST_CASE("black, white and the colour bars") {
    for (const auto format : {FACEDGE_FORMAT_NV12, FACEDGE_FORMAT_NV21, FACEDGE_FORMAT_YUYV}) {
        for (const auto matrix :
             {FACEDGE_MATRIX_BT601, FACEDGE_MATRIX_BT709, FACEDGE_MATRIX_BT2020}) {
            CHECK(color(format, matrix, FACEDGE_RANGE_LIMITED, {16, 128, 128}) == Color{0, 0, 0});
            CHECK(color(format, matrix, FACEDGE_RANGE_LIMITED, {235, 128, 128}) ==
                  Color{255, 255, 255});
            CHECK(color(format, matrix, FACEDGE_RANGE_FULL, {0, 128, 128}) == Color{0, 0, 0});
            CHECK(color(format, matrix, FACEDGE_RANGE_FULL, {255, 128, 128}) ==
                  Color{255, 255, 255});
            CHECK(color(format, matrix, FACEDGE_RANGE_FULL, {77, 128, 128}) == Color{77, 77, 77});
        }
        // 100 % bars in 8 bits, rounded: red and blue of BT.601, red of BT.709, green of BT.2020.
        near(color(format, FACEDGE_MATRIX_BT601, FACEDGE_RANGE_LIMITED, {81, 90, 240}),
             {255, 0, 0});
        near(color(format, FACEDGE_MATRIX_BT601, FACEDGE_RANGE_LIMITED, {41, 240, 110}),
             {0, 0, 255});
        near(color(format, FACEDGE_MATRIX_BT709, FACEDGE_RANGE_LIMITED, {63, 102, 240}),
             {255, 0, 0});
        near(color(format, FACEDGE_MATRIX_BT2020, FACEDGE_RANGE_LIMITED, {164, 47, 25}),
             {0, 255, 0});
        // JPEG's red.
        near(color(format, FACEDGE_MATRIX_BT601, FACEDGE_RANGE_FULL, {76, 85, 255}), {254, 0, 0});
    }
}

TEST_CASE("values outside the range are clamped") {
    const auto limited = [](Yuv yuv) {
        return color(FACEDGE_FORMAT_NV12, FACEDGE_MATRIX_BT709, FACEDGE_RANGE_LIMITED, yuv);
    };
    CHECK(limited({0, 128, 128}) == Color{0, 0, 0});
    CHECK(limited({255, 128, 128}) == Color{255, 255, 255});
    CHECK(limited({255, 255, 255}) == Color{255, 184, 255});
    CHECK(limited({0, 0, 0}) == Color{0, 77, 0});
}

TEST_CASE("gray frames are gray") {
    CHECK(color(FACEDGE_FORMAT_GRAY8, FACEDGE_MATRIX_IDENTITY, FACEDGE_RANGE_FULL, {90, 0, 0}) ==
          Color{90, 90, 90});
    CHECK(color(FACEDGE_FORMAT_GRAY8, FACEDGE_MATRIX_IDENTITY, FACEDGE_RANGE_LIMITED,
                {235, 0, 0}) == Color{255, 255, 255});
}
