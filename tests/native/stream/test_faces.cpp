// Faces that are already cropped: strides, tracks, batches.
#include "stream/fixture.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <vector>

using fixture::Model;
using fixture::open_model;
using fixture::settings_of;
using fixture::Stream;

TEST_CASE("every count of faces is played, filled up or not") {
    const Model model = open_model(fake::super_resolution());
    for (int32_t batching : {FACEDGE_BATCH_POWERS, FACEDGE_BATCH_EVERY}) {
        facedge_stream_settings settings = settings_of(model);
        settings.max_faces = 7;
        settings.batching = batching;
        const Stream stream = fixture::open_stream(settings);
        for (uint8_t count = 0; count <= 7; ++count) {
            std::vector<uint8_t> values;
            for (uint8_t i = 0; i < count; ++i) values.push_back(static_cast<uint8_t>(10 + 20 * i));
            const fixture::Crops crops(values);
            const facedge_faces faces = crops.faces(count);
            REQUIRE(facedge_submit_faces(stream.get(), &faces) == FACEDGE_OK);
            const facedge_result result = fixture::take(stream);
            REQUIRE(result.n_faces == count);
            for (size_t i = 0; i < count; ++i) {
                const facedge_face& face = result.faces[i];
                CHECK(face.track == i);
                CHECK(face.fresh == 0);  // stateless
                CHECK(face.width == 32);
                CHECK(face.height == 32);
                CHECK(face.stride == 96);
                CHECK(face.probabilities == nullptr);
                CHECK(face.landmarks == nullptr);
                for (int k = 0; k < 32 * 96; ++k) REQUIRE(face.restored[k] == values[i]);
                for (int k = 0; k < 16 * 48; ++k) REQUIRE(face.crop[k] == values[i]);
            }
        }
    }
}

TEST_CASE("rows and faces may lie apart, also side by side in one picture") {
    const Model model = open_model(fake::super_resolution());
    const Stream stream = fixture::open_stream(settings_of(model));
    constexpr int kSide = 16, kFaces = 3, kStride = 3 * kSide * kFaces + 5;
    std::vector<uint8_t> mosaic(size_t{kStride} * kSide - 5);
    for (int y = 0; y < kSide; ++y) {
        for (int i = 0; i < kFaces; ++i)
            std::memset(&mosaic[size_t(kStride) * y + 3 * kSide * i], 50 * i + y, 3 * kSide);
    }
    facedge_faces faces;
    facedge_faces_default(&faces);
    faces.pixels = mosaic.data();
    faces.count = kFaces;
    faces.width = faces.height = kSide;
    faces.row_stride = kStride;
    faces.face_stride = 3 * kSide;
    const uint64_t tracks[] = {1000, UINT64_MAX, 0};
    faces.tracks = tracks;
    REQUIRE(facedge_submit_faces(stream.get(), &faces) == FACEDGE_OK);
    const facedge_result result = fixture::take(stream);
    REQUIRE(result.n_faces == kFaces);
    for (int i = 0; i < kFaces; ++i) {
        CHECK(result.faces[i].track == tracks[i]);
        for (int y = 0; y < kSide; ++y) CHECK(result.faces[i].crop[3 * kSide * y] == 50 * i + y);
    }
}

TEST_CASE("no faces need no pixels") {
    const Model model = open_model(fake::super_resolution());
    const Stream stream = fixture::open_stream(settings_of(model));
    facedge_faces faces;
    facedge_faces_default(&faces);
    REQUIRE(facedge_submit_faces(stream.get(), &faces) == FACEDGE_OK);
    CHECK(fixture::take(stream).n_faces == 0);
}

TEST_CASE("the restored picture's place in the input picture") {
    const Model model = open_model(fake::super_resolution());
    const Stream stream = fixture::open_stream(settings_of(model));
    const fixture::Crops crops({1});
    const facedge_faces faces = crops.faces();
    REQUIRE(facedge_submit_faces(stream.get(), &faces) == FACEDGE_OK);
    const facedge_result result = fixture::take(stream);
    // Twice the size: restored pixel 0 lies a quarter pixel before input pixel 0.
    const float expected[2][3] = {{0.5f, 0, -0.25f}, {0, 0.5f, -0.25f}};
    for (int row = 0; row < 2; ++row) {
        for (int k = 0; k < 3; ++k)
            CHECK(result.faces[0].restored_to_frame[row][k] == doctest::Approx(expected[row][k]));
    }
}
