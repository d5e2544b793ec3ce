// A back end that fails in the middle: the frame's result says so, its tracks start afresh, and
// everything else goes on.
#include "stream/fixture.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using fixture::face;
using fixture::Model;
using fixture::open_model;
using fixture::says;
using fixture::settings_of;
using fixture::Stream;

namespace {

facedge_result play(const Stream& stream, std::vector<uint8_t> values, uint64_t first_track = 0) {
    const fixture::Crops crops(values);
    facedge_faces faces = crops.faces();
    std::vector<uint64_t> tracks;
    for (size_t i = 0; i < values.size(); ++i) tracks.push_back(first_track + i);
    faces.tracks = tracks.data();
    REQUIRE(facedge_submit_faces(stream.get(), &faces) == FACEDGE_OK);
    return fixture::take(stream);
}

}  // namespace

TEST_CASE("a failed inference is that frame's result, in both modes, early and late") {
    for (const char* options : {"fail_enqueue=1\n", "fail_wait=1\nlate=1\n"}) {
        for (int32_t mode : {FACEDGE_MODE_WORKER, FACEDGE_MODE_INLINE}) {
            const Model model = open_model(fake::super_resolution(options, 1));
            facedge_stream_settings settings = settings_of(model);
            settings.mode = mode;
            const Stream stream = fixture::open_stream(settings);
            CHECK(play(stream, {10}).status == FACEDGE_OK);
            const facedge_result failed = play(stream, {10});
            CHECK(failed.status == FACEDGE_EBACKEND);
            CHECK(says(failed.message, "fake failed on fake in frame 1: it was told to fail at"));
            CHECK(failed.frame == 1);
            CHECK(failed.faces == nullptr);
            CHECK(failed.n_faces == 0);
            const facedge_result next = play(stream, {10});
            CHECK(next.status == FACEDGE_OK);
            CHECK(std::string(next.message).empty());
            CHECK(next.faces[0].fresh == 1);
            CHECK(next.faces[0].restored[0] == 10);
            facedge_stats stats = {};
            stats.struct_size = sizeof stats;
            REQUIRE(facedge_stream_stats(stream.get(), &stats) == FACEDGE_OK);
            CHECK(stats.accepted == 3);
            CHECK(stats.finished == 3);
            CHECK(stats.failed == 1);
            CHECK(stats.faces == 2);
        }
    }
}

TEST_CASE("only the failed frame's tracks start afresh") {
    const Model model = open_model(fake::super_resolution("fail_enqueue=2\n", 1));
    const Stream stream = fixture::open_stream(settings_of(model));
    play(stream, {10}, 1);
    play(stream, {20}, 2);
    CHECK(play(stream, {10}, 1).status == FACEDGE_EBACKEND);
    float state[256];
    CHECK(facedge_stream_get_state(stream.get(), 1, state, 256) == FACEDGE_EINVAL);
    CHECK(facedge_stream_get_state(stream.get(), 2, state, 256) == FACEDGE_OK);
    CHECK(play(stream, {20}, 2).faces[0].fresh == 0);
    // A state that is put in after the failure counts.
    CHECK(facedge_stream_set_state(stream.get(), 1, state, 256) == FACEDGE_OK);
    CHECK(play(stream, {10}, 1).faces[0].fresh == 0);
}

TEST_CASE("frames that were accepted before a failure is known start afresh too") {
    const Model model = open_model(fake::super_resolution("fail_enqueue=1\n", 1));
    facedge_stream_settings settings = settings_of(model);
    settings.mode = FACEDGE_MODE_WORKER;
    settings.depth = 3;
    const Stream stream = fixture::open_stream(settings);
    const fixture::Crops crops({10});
    facedge_faces faces = crops.faces();
    fixture::Gate gate;
    gate.attach(faces);
    REQUIRE(facedge_submit_faces(stream.get(), &faces) == FACEDGE_OK);
    faces.release = nullptr;
    REQUIRE(facedge_submit_faces(stream.get(), &faces) == FACEDGE_OK);
    REQUIRE(facedge_submit_faces(stream.get(), &faces) == FACEDGE_OK);
    gate.open();
    CHECK(fixture::take(stream).status == FACEDGE_OK);
    CHECK(fixture::take(stream).status == FACEDGE_EBACKEND);
    const facedge_result third = fixture::take(stream);
    CHECK(third.status == FACEDGE_OK);
    CHECK(third.faces[0].fresh == 1);
    CHECK(third.faces[0].restored[0] == 10);
}

TEST_CASE("the second model fails: the states of both are gone") {
    fake::BundleSpec units = fake::action_units("fail_enqueue=1\n");
    units.state_channels = 1;
    const Model sr = open_model(fake::super_resolution("", 1));
    const Model au = open_model(units);
    const Stream stream = fixture::open_stream(settings_of(sr, au));
    const fixture::Picture picture(10);
    const facedge_roi roi = face();
    const auto submit = [&] {
        const facedge_frame frame = picture.frame();
        REQUIRE(facedge_submit(stream.get(), &frame, &roi, 1) == FACEDGE_OK);
        return fixture::take(stream);
    };
    CHECK(submit().status == FACEDGE_OK);
    const facedge_result failed = submit();
    CHECK(failed.status == FACEDGE_EBACKEND);
    CHECK(says(failed.message, "fake failed on fake-units in frame 1"));
    const facedge_result next = submit();
    CHECK(next.faces[0].fresh == 1);
    CHECK(next.faces[0].restored[0] == 10);
}

TEST_CASE("a back end without manners: no text, an unknown code") {
    const Model model =
        open_model(fake::super_resolution("fail_every=1\nsilent=1\nfail_code=-1000\n"));
    const Stream stream = fixture::open_stream(settings_of(model));
    const facedge_result failed = play(stream, {10});
    CHECK(failed.status == FACEDGE_EBACKEND);
    CHECK(says(failed.message, "the back end failed and gave no reason"));
}

TEST_CASE("a stream that always fails goes on failing, and can be closed") {
    const Model model = open_model(fake::super_resolution("fail_every=1\n", 1));
    const Stream stream = fixture::open_stream(settings_of(model));
    for (int i = 0; i < 50; ++i) CHECK(play(stream, {1, 2, 3}).status == FACEDGE_EBACKEND);
    CHECK(play(stream, {}).status == FACEDGE_OK);  // nothing to infer
}

TEST_CASE("a failing stream does not disturb another one") {
    const Model bad = open_model(fake::super_resolution("fail_every=2\n", 1));
    const Model good = open_model(fake::super_resolution("", 1));
    const Stream failing = fixture::open_stream(settings_of(bad));
    const Stream working = fixture::open_stream(settings_of(good));
    for (int i = 0; i < 10; ++i) {
        CHECK((play(failing, {1}).status == FACEDGE_OK) == (i % 2 == 0));
        const facedge_result result = play(working, {1});
        CHECK(result.status == FACEDGE_OK);
        CHECK(result.faces[0].restored[0] == 1 + 2 * i);
    }
}

namespace {

void keep(void* user, facedge_log_level level, const char* text) {
    if (level == FACEDGE_LOG_WARNING) *static_cast<std::string*>(user) = text;
}

}  // namespace

TEST_CASE("a failure is logged") {
    std::string line;
    facedge_set_log(keep, &line, FACEDGE_LOG_WARNING);
    const Model model = open_model(fake::super_resolution("fail_every=1\n"));
    const Stream stream = fixture::open_stream(settings_of(model));
    const facedge_result result = play(stream, {1});
    facedge_set_log(nullptr, nullptr, FACEDGE_LOG_ERROR);
    CHECK(line == result.message);
}
