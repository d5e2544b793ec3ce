// Where crops lie.
#include "image/image.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

using namespace facedge;

namespace {

constexpr double kEyes[2][2] = {{39.5, 40}, {88.5, 40}};
constexpr float kMeanFace[5][2] = {
    {39.5, 40}, {88.5, 40}, {64, 68.1f}, {42.5, 89.7f}, {85.5, 89.7f}};

struct Point {
    double x, y;
};

Point apply(const Similarity& map, double x, double y) {
    const float* m = map.m;
    return {m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5]};
}

// The mean face, scaled and turned about its own origin and moved.
facedge_roi face(double scale, double radians, double x, double y) {
    facedge_roi roi = {};
    roi.kind = FACEDGE_ROI_LANDMARKS;
    const double a = scale * std::cos(radians), b = scale * std::sin(radians);
    for (int i = 0; i < 5; ++i) {
        roi.points[i][0] = static_cast<float>(a * kMeanFace[i][0] - b * kMeanFace[i][1] + x);
        roi.points[i][1] = static_cast<float>(b * kMeanFace[i][0] + a * kMeanFace[i][1] + y);
    }
    return roi;
}

facedge_roi box(float x, float y, float width, float height) {
    facedge_roi roi = {};
    roi.kind = FACEDGE_ROI_BOX;
    roi.box[0] = x, roi.box[1] = y, roi.box[2] = width, roi.box[3] = height;
    return roi;
}

Similarity aligned(const facedge_roi& roi, Framing framing, int width, int height) {
    Similarity map = {};
    Refusal why;
    const facedge_code code = align(roi, framing, width, height, 1920, 1080, 0, map, why);
    CAPTURE(std::string(why.text));
    REQUIRE(code == FACEDGE_OK);
    return map;
}

void refused(const facedge_roi& roi, std::initializer_list<const char*> words,
             facedge_code code = FACEDGE_EROI) {
    Similarity map = {};
    Refusal why;
    REQUIRE(align(roi, Framing::kFace, 128, 128, 1920, 1080, 3, map, why) == code);
    const std::string text = why.text;
    CAPTURE(text);
    CHECK(text.find('\n') == std::string::npos);
    for (const char* word : words) {
        CAPTURE(word);
        CHECK(text.find(word) != std::string::npos);
    }
}

void check_similarity(const Similarity& map) {
    CHECK(map.m[4] == map.m[0]);
    CHECK(map.m[3] == -map.m[1]);
}

}  // namespace

TEST_CASE("the mean face is its own crop") {
    const Similarity map = aligned(face(1, 0, 0, 0), Framing::kFace, 128, 128);
    const float identity[6] = {1, 0, 0, 0, 1, 0};
    for (int i = 0; i < 6; ++i) CHECK(map.m[i] == doctest::Approx(identity[i]).epsilon(1e-5));
}

TEST_CASE("a turned, scaled and moved face is found again") {
    const double scale = 2.5, turn = 0.6;
    const Similarity map = aligned(face(scale, turn, 700, 300), Framing::kFace, 128, 128);
    check_similarity(map);
    CHECK(map.m[0] == doctest::Approx(scale * std::cos(turn)));
    CHECK(map.m[3] == doctest::Approx(scale * std::sin(turn)));
    CHECK(map.m[2] == doctest::Approx(700));
    CHECK(map.m[5] == doctest::Approx(300));
}

TEST_CASE("landmarks that are no mean face are fitted by least squares") {
    // By hand: only the nose is off, by 5 pixels down. The mean moves by 1; the fit's scale is
    // <mean face, landmarks> / <mean face, mean face>, both about their means.
    facedge_roi roi = face(1, 0, 300, 300);
    roi.points[2][1] += 5;
    const Similarity map = aligned(roi, Framing::kFace, 128, 128);
    double spread = 0, mean_y = 0;
    for (const auto& point : kMeanFace) mean_y += point[1] / 5.0;
    for (const auto& point : kMeanFace) {
        spread += (point[0] - 64.0) * (point[0] - 64.0) + (point[1] - mean_y) * (point[1] - mean_y);
    }
    const double scale = 1 + 5 * (kMeanFace[2][1] - mean_y) / spread;
    CHECK(map.m[0] == doctest::Approx(scale));
    CHECK(map.m[3] == doctest::Approx(0));
    CHECK(map.m[5] == doctest::Approx(300 + mean_y + 1 - scale * mean_y));
}

TEST_CASE("crops of any size share the edges of the 128x128 framing") {
    for (const int side : {16, 32, 64, 256}) {
        const Similarity map = aligned(face(1, 0, 100, 100), Framing::kFace, side, side);
        const Point first = apply(map, -0.5, -0.5), last = apply(map, side - 0.5, side - 0.5);
        CHECK(first.x == doctest::Approx(99.5));
        CHECK(first.y == doctest::Approx(99.5));
        CHECK(last.x == doctest::Approx(227.5));
        CHECK(last.y == doctest::Approx(227.5));
    }
}

TEST_CASE("eyes lie where networks expect them") {
    const facedge_roi roi = face(3, -0.3, 600, 500);
    const Similarity units = aligned(roi, Framing::kUnits, 176, 176);
    const Point left = apply(units, 53.5, 50), right = apply(units, 122.5, 50);
    CHECK(left.x == doctest::Approx(roi.points[0][0]));
    CHECK(left.y == doctest::Approx(roi.points[0][1]));
    CHECK(right.x == doctest::Approx(roi.points[1][0]));
    CHECK(right.y == doctest::Approx(roi.points[1][1]));
}

TEST_CASE("one framing lies in the other as in training") {
    const Similarity map = between(Framing::kFace, 128, 128, Framing::kUnits, 176, 176);
    check_similarity(map);
    CHECK(map.m[0] == doctest::Approx(49.0 / 69.0));
    for (int i = 0; i < 2; ++i) {
        const Point eye = apply(map, i == 0 ? 53.5 : 122.5, 50);
        CHECK(eye.x == doctest::Approx(kEyes[i][0]));
        CHECK(eye.y == doctest::Approx(kEyes[i][1]));
    }
    const Similarity same = between(Framing::kUnits, 176, 176, Framing::kUnits, 176, 176);
    CHECK(same.m[0] == doctest::Approx(1));
    CHECK(std::abs(same.m[2]) < 1e-4);
    const Similarity half = between(Framing::kFace, 128, 128, Framing::kFace, 64, 64);
    CHECK(half.m[0] == doctest::Approx(2));
    CHECK(half.m[2] == doctest::Approx(0.5));
}

TEST_CASE("a box is a face without rotation") {
    // The framing's side is 1.071 of the box's mean side, its centre 0.523 of that above the chin.
    const Similarity map = aligned(box(300, 200, 100, 144), Framing::kFace, 128, 128);
    CHECK(map.m[0] == doctest::Approx(1.071 * 120 / 128));
    CHECK(map.m[3] == 0);
    const Point centre = apply(map, 63.5, 63.5);
    CHECK(centre.x == doctest::Approx(350 - 0.003 * 120));
    CHECK(centre.y == doctest::Approx(344 - 0.523 * 120));
}

TEST_CASE("faces partly outside the picture are taken, those wholly outside are not") {
    aligned(face(1, 0, -100, -100), Framing::kFace, 128, 128);
    aligned(face(1, 0, 1900, 1060), Framing::kFace, 128, 128);
    refused(face(1, 0, -200, 0), {"face 3", "outside", "1920x1080"});
    refused(face(1, 0, 0, 1200), {"outside"});
    refused(box(2200, 100, 90, 120), {"outside"});
    // The bounding boxes overlap; the turned crop passes the frame's corner by.
    refused(face(1, 0.7854, 1984, 1030), {"outside"});
}

TEST_CASE("landmarks that place no face are refused") {
    facedge_roi same = face(1, 0, 0, 0);
    for (auto& point : same.points) point[0] = 50, point[1] = 60;
    refused(same, {"face 3", "degenerate"});
    refused(face(0.01, 0, 100, 100), {"degenerate"});
    refused(face(1e6, 0, -1e7, -1e7), {"degenerate"});
    facedge_roi line = face(1, 0, 0, 0);
    for (int i = 0; i < 5; ++i) line.points[i][0] = 100, line.points[i][1] = 20.0f * i;
    refused(line, {"degenerate"});
    facedge_roi mirrored = face(1, 0, 0, 0);
    for (auto& point : mirrored.points) point[1] = 200 - point[1];
    refused(mirrored, {"degenerate", "eye on the left"});
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        facedge_roi roi = face(1, 0, 100, 100);
        roi.points[4][1] = bad;
        refused(roi, {"face 3", "finite"});
    }
    facedge_roi huge = face(1, 0, 0, 0);
    huge.points[0][0] = std::numeric_limits<float>::max();
    refused(huge, {"degenerate"});
}

TEST_CASE("boxes that hold no face are refused") {
    refused(box(10, 10, 0, 50), {"face 3", "box"});
    refused(box(10, 10, 50, -50), {"box"});
    refused(box(10, 10, 1, 1), {"box"});
    refused(box(10, 10, 1e6f, 1e6f), {"box"});
    refused(box(10, 10, 400, 20), {"factor"});
    refused(box(std::numeric_limits<float>::quiet_NaN(), 10, 50, 50), {"finite"});
    refused(box(10, 10, std::numeric_limits<float>::infinity(), 50), {"finite"});
    facedge_roi roi = box(10, 10, 50, 60);
    roi.kind = 7;
    refused(roi, {"rois[3].kind", "7"}, FACEDGE_EINVAL);
}
