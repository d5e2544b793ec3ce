// release: once for every accepted frame, never for a refused one.
#include "stream/fixture.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using fixture::face;
using fixture::Model;
using fixture::open_model;
using fixture::Releases;
using fixture::settings_of;
using fixture::Stream;

namespace {

int submit(const Stream& stream, const facedge_frame& frame, std::vector<facedge_roi> rois) {
    return facedge_submit(stream.get(), &frame, rois.data(), rois.size());
}

}  // namespace

TEST_CASE("release is called once per accepted frame, in both modes") {
    const Model model = open_model(fake::super_resolution());
    const fixture::Picture picture;
    const fixture::Crops crops({1, 2});
    for (int32_t mode : {FACEDGE_MODE_WORKER, FACEDGE_MODE_INLINE}) {
        facedge_stream_settings settings = settings_of(model);
        settings.mode = mode;
        const Stream stream = fixture::open_stream(settings);
        Releases with_faces, without_faces, cropped;
        facedge_frame frame = picture.frame();
        with_faces.attach(frame);
        REQUIRE(submit(stream, frame, {face(1), face(2)}) == FACEDGE_OK);
        fixture::take(stream);
        CHECK(with_faces.count == 1);
        without_faces.attach(frame);
        REQUIRE(submit(stream, frame, {}) == FACEDGE_OK);
        const facedge_result empty = fixture::take(stream);
        CHECK(empty.status == FACEDGE_OK);
        CHECK(empty.n_faces == 0);
        CHECK(without_faces.count == 1);
        facedge_faces faces = crops.faces();
        cropped.attach(faces);
        REQUIRE(facedge_submit_faces(stream.get(), &faces) == FACEDGE_OK);
        fixture::take(stream);
        CHECK(cropped.count == 1);
        CHECK(with_faces.count == 1);
    }
}

TEST_CASE("with INLINE the buffer is back when submit returns") {
    const Model model = open_model(fake::super_resolution());
    const Stream stream = fixture::open_stream(settings_of(model));
    const fixture::Picture picture;
    Releases releases;
    facedge_frame frame = picture.frame();
    releases.attach(frame);
    REQUIRE(submit(stream, frame, {face()}) == FACEDGE_OK);
    CHECK(releases.count == 1);
}

TEST_CASE("a refused frame is not released") {
    const Model model = open_model(fake::super_resolution());
    facedge_stream_settings settings = settings_of(model);
    settings.depth = 1;
    const Stream stream = fixture::open_stream(settings);
    const fixture::Picture picture;
    Releases refused;
    facedge_frame frame = picture.frame();
    refused.attach(frame);
    CHECK(submit(stream, frame, {face(1), face(1)}) == FACEDGE_EROI);
    CHECK(submit(stream, frame, {face(1, 1000)}) == FACEDGE_EROI);
    CHECK(submit(stream, frame, {face(1), face(2), face(3), face(4), face(5)}) == FACEDGE_ETOOMANY);
    facedge_frame broken = frame;
    broken.width = 0;
    CHECK(submit(stream, broken, {face()}) == FACEDGE_EFRAME);
    const facedge_frame other = picture.frame();
    REQUIRE(submit(stream, other, {face()}) == FACEDGE_OK);
    CHECK(submit(stream, frame, {face()}) == FACEDGE_EAGAIN);
    fixture::take(stream);
    CHECK(refused.count == 0);
}

TEST_CASE("a frame whose inference fails is released, once") {
    for (const char* options : {"fail_enqueue=0\n", "fail_wait=0\n"}) {
        const Model model = open_model(fake::super_resolution(options));
        const Stream stream = fixture::open_stream(settings_of(model));
        const fixture::Picture picture;
        Releases releases;
        facedge_frame frame = picture.frame();
        releases.attach(frame);
        REQUIRE(submit(stream, frame, {face()}) == FACEDGE_OK);
        CHECK(fixture::take(stream).status == FACEDGE_EBACKEND);
        CHECK(releases.count == 1);
    }
}

TEST_CASE("closing finishes the frames under way and releases them") {
    const Model model = open_model(fake::super_resolution("sleep_us=2000\n"));
    facedge_stream_settings settings = settings_of(model);
    settings.mode = FACEDGE_MODE_WORKER;
    settings.depth = 4;
    const fixture::Picture picture;
    Releases releases;
    {
        const Stream stream = fixture::open_stream(settings);
        facedge_frame frame = picture.frame();
        releases.attach(frame);
        for (int i = 0; i < 4; ++i) REQUIRE(submit(stream, frame, {face()}) == FACEDGE_OK);
    }
    CHECK(releases.count == 4);
}

namespace {

// What a release callback that calls into its stream gets.
struct Meddler {
    facedge_stream* stream = nullptr;
    int submit_code = 0, poll_code = 0;
    std::string text;
    bool closed = false;

    static void call(void* user) {
        auto& self = *static_cast<Meddler*>(user);
        const fixture::Crops crops({1});
        const facedge_faces faces = crops.faces();
        self.submit_code = facedge_submit_faces(self.stream, &faces);
        facedge_result result = {};
        result.struct_size = sizeof result;
        self.poll_code = facedge_poll(self.stream, &result);
        self.text = facedge_last_error();
        facedge_stream* same = self.stream;
        facedge_stream_close(&same);
        self.closed = same == nullptr;
    }
};

}  // namespace

TEST_CASE("a release callback that calls into the stream is refused, on any thread") {
    const Model model = open_model(fake::super_resolution());
    for (int32_t mode : {FACEDGE_MODE_WORKER, FACEDGE_MODE_INLINE}) {
        facedge_stream_settings settings = settings_of(model);
        settings.mode = mode;
        const Stream stream = fixture::open_stream(settings);
        Meddler meddler;
        meddler.stream = stream.get();
        const fixture::Crops crops({7});
        facedge_faces faces = crops.faces();
        faces.release = Meddler::call;
        faces.user = &meddler;
        REQUIRE(facedge_submit_faces(stream.get(), &faces) == FACEDGE_OK);
        CHECK(fixture::take(stream).faces[0].restored[0] == 7);
        CHECK(meddler.submit_code == FACEDGE_EBUSY);
        CHECK(meddler.poll_code == FACEDGE_EBUSY);
        CHECK(fixture::says(meddler.text.c_str(), "release must not call into it"));
        CHECK_FALSE(meddler.closed);
    }
}
