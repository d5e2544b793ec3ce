// Action units from the frame and from the restored face. The fake network's landmarks are a grid
// of 7 x 7 points over its input, from pixel 0 to the last; see fake_backend.cpp.
#include "image/image.hpp"
#include "stream/fixture.hpp"
#include "stream/geometry.hpp"

#include <doctest/doctest.h>

#include <vector>

using fixture::face;
using fixture::Model;
using fixture::open_model;
using fixture::settings_of;
using fixture::Stream;

namespace {

constexpr int kSrSide = 16, kRestoredSide = 32, kAuSide = 22;

// Landmark `index` of the fake network in pixels of its input.
void grid_point(int index, float point[2]) {
    point[0] = static_cast<float>((index % 7) * (kAuSide - 1)) / 6;
    point[1] = static_cast<float>((index / 7) * (kAuSide - 1)) / 6;
}

void check_landmarks(const facedge_face& found, const facedge::Similarity& input_to_frame) {
    REQUIRE(found.landmarks != nullptr);
    for (int i = 0; i < FACEDGE_LANDMARKS; ++i) {
        float in_input[2], expected[2];
        grid_point(i, in_input);
        facedge::transform(input_to_frame, in_input, expected);
        // A thousandth of a pixel: single precision at coordinates of tens.
        CHECK(found.landmarks[i][0] == doctest::Approx(expected[0]).epsilon(1e-3));
        CHECK(found.landmarks[i][1] == doctest::Approx(expected[1]).epsilon(1e-3));
    }
}

facedge::Similarity place(const facedge_roi& roi, facedge::Framing framing, int side) {
    facedge::Similarity to_frame;
    facedge::Refusal why;
    REQUIRE(facedge::align(roi, framing, side, side, 64, 48, 0, to_frame, why) == FACEDGE_OK);
    return to_frame;
}

}  // namespace

TEST_CASE("action units alone: read from the frame, landmarks in the frame") {
    const Model au = open_model(fake::action_units());
    const Stream stream = fixture::open_stream(settings_of(nullptr, au));
    const fixture::Picture picture(51);
    const facedge_frame frame = picture.frame();
    const facedge_roi rois[] = {face(3), face(4, 20, 10, 20)};
    REQUIRE(facedge_submit(stream.get(), &frame, rois, 2) == FACEDGE_OK);
    const facedge_result result = fixture::take(stream);
    REQUIRE(result.n_faces == 2);
    for (int i = 0; i < 2; ++i) {
        const facedge_face& found = result.faces[i];
        CHECK(found.restored == nullptr);
        CHECK(found.width == 0);
        CHECK(found.crop[0] == 51);
        for (int k = 0; k < FACEDGE_ACTION_UNITS; ++k)
            CHECK(found.probabilities[k] == doctest::Approx(51 / 255.0));
        check_landmarks(found, place(rois[i], facedge::Framing::kUnits, kAuSide));
    }
}

TEST_CASE("both models from the frame: each has its own crop") {
    const Model sr = open_model(fake::super_resolution());
    const Model au = open_model(fake::action_units());
    const Stream stream = fixture::open_stream(settings_of(sr, au));
    const fixture::Picture picture(90);
    const facedge_frame frame = picture.frame();
    const facedge_roi roi = face(3);
    REQUIRE(facedge_submit(stream.get(), &frame, &roi, 1) == FACEDGE_OK);
    const facedge_result result = fixture::take(stream);
    const facedge_face& found = result.faces[0];
    CHECK(found.width == kRestoredSide);
    CHECK(found.restored[0] == 90);
    CHECK(found.probabilities[0] == doctest::Approx(90 / 255.0));
    check_landmarks(found, place(roi, facedge::Framing::kUnits, kAuSide));
    const facedge::Similarity expected =
        facedge::compose(place(roi, facedge::Framing::kFace, kSrSide), facedge::shrink(2));
    for (int i = 0; i < 6; ++i)
        CHECK(found.restored_to_frame[i / 3][i % 3] == doctest::Approx(expected.m[i]));
}

TEST_CASE("action units from the restored face: landmarks go back through it to the frame") {
    const Model sr = open_model(fake::super_resolution());
    const Model au = open_model(fake::action_units());
    facedge_stream_settings settings = settings_of(sr, au);
    settings.au_source = FACEDGE_AU_FROM_RESTORED;
    const Stream stream = fixture::open_stream(settings);
    const facedge::Similarity au_to_restored =
        facedge::between(facedge::Framing::kFace, kRestoredSide, kRestoredSide,
                         facedge::Framing::kUnits, kAuSide, kAuSide);

    const fixture::Picture picture(120);
    const facedge_frame frame = picture.frame();
    const facedge_roi rois[] = {face(3), face(4, 20, 10, 20)};
    REQUIRE(facedge_submit(stream.get(), &frame, rois, 2) == FACEDGE_OK);
    const facedge_result result = fixture::take(stream);
    for (int i = 0; i < 2; ++i) {
        const facedge_face& found = result.faces[i];
        CHECK(found.probabilities[0] == doctest::Approx(120 / 255.0));
        const facedge::Similarity restored_to_frame =
            facedge::compose(place(rois[i], facedge::Framing::kFace, kSrSide), facedge::shrink(2));
        check_landmarks(found, facedge::compose(restored_to_frame, au_to_restored));
    }

    SUBCASE("cropped faces: landmarks in the input picture") {
        const fixture::Crops crops({10, 200});
        const facedge_faces faces = crops.faces();
        REQUIRE(facedge_submit_faces(stream.get(), &faces) == FACEDGE_OK);
        const facedge_result cropped = fixture::take(stream);
        CHECK(cropped.faces[1].probabilities[0] == doctest::Approx(200 / 255.0));
        check_landmarks(cropped.faces[1], facedge::compose(facedge::shrink(2), au_to_restored));
    }
}

TEST_CASE("cropped faces for action units alone: landmarks in the input picture") {
    const Model au = open_model(fake::action_units());
    const Stream stream = fixture::open_stream(settings_of(nullptr, au));
    const fixture::Crops crops({10, 200, 30}, kAuSide);
    const facedge_faces faces = crops.faces();
    REQUIRE(facedge_submit_faces(stream.get(), &faces) == FACEDGE_OK);
    const facedge_result result = fixture::take(stream);
    REQUIRE(result.n_faces == 3);
    CHECK(result.faces[2].probabilities[5] == doctest::Approx(30 / 255.0));
    for (size_t i = 0; i < 3; ++i) check_landmarks(result.faces[i], facedge::kIdentity);
}

TEST_CASE("times of both models are told apart") {
    const Model sr = open_model(fake::super_resolution("sleep_us=2000\n"));
    const Model au = open_model(fake::action_units("sleep_us=1000\n"));
    const Stream stream = fixture::open_stream(settings_of(sr, au));
    const fixture::Picture picture;
    const facedge_frame frame = picture.frame();
    const facedge_roi roi = face();
    REQUIRE(facedge_submit(stream.get(), &frame, &roi, 1) == FACEDGE_OK);
    const facedge_result result = fixture::take(stream);
    CHECK(result.sr_us >= 2000);
    CHECK(result.au_us >= 1000);
}
