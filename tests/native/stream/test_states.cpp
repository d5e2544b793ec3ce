// Hidden states. The fake network's restored faces are brighter by its state, which grows by 1 and
// the face's own value in every frame: what is seen tells how many frames a state has gone through,
// and whose.
#include "stream/fixture.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using fixture::error_says;
using fixture::Model;
using fixture::open_model;
using fixture::settings_of;
using fixture::Stream;

namespace {

constexpr size_t kFloats = 2 * 16 * 16;

struct Seen {
    int restored;
    int fresh;
    bool operator==(const Seen& other) const {
        return restored == other.restored && fresh == other.fresh;
    }
};

using Tracks = std::vector<uint64_t>;
using Sight = std::vector<Seen>;

struct Fixture {
    Model model = open_model(fake::super_resolution("", 2));
    facedge_stream_settings settings = settings_of(model);
    Stream stream;

    // Plays faces of value 10 * track.
    Sight play(const Tracks& tracks, int64_t timestamp_us = 0) {
        if (!stream) stream = fixture::open_stream(settings);
        std::vector<uint8_t> values;
        for (uint64_t track : tracks) values.push_back(static_cast<uint8_t>(10 * track));
        const fixture::Crops crops(values);
        facedge_faces faces = crops.faces(timestamp_us);
        faces.tracks = tracks.data();
        REQUIRE(facedge_submit_faces(stream.get(), &faces) == FACEDGE_OK);
        const facedge_result result = fixture::take(stream);
        REQUIRE(result.status == FACEDGE_OK);
        Sight seen;
        for (size_t i = 0; i < result.n_faces; ++i) {
            const uint8_t* restored = result.faces[i].restored;
            for (int k = 1; k < 32 * 96; ++k) REQUIRE(restored[k] == restored[0]);
            seen.push_back({restored[0], result.faces[i].fresh});
        }
        return seen;
    }
};

// What a face of `track` shows after its state has gone through `frames` frames.
Seen after(uint64_t track, int frames) {
    const int value = static_cast<int>(10 * track);
    return {(value + frames * (value + 1)) % 256, frames == 0};
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "every track has its own state, whatever its place in the batch") {
    CHECK(play({1, 2, 3}) == Sight{after(1, 0), after(2, 0), after(3, 0)});
    CHECK(play({3, 1}) == Sight{after(3, 1), after(1, 1)});
    CHECK(play({2, 4, 1}) == Sight{after(2, 1), after(4, 0), after(1, 2)});
}

TEST_CASE_FIXTURE(Fixture, "the least recently used state is forgotten") {
    settings.max_faces = 2;
    settings.max_tracks = 2;
    play({1, 2});
    play({2});
    CHECK(play({3, 2}) == Sight{after(3, 0), after(2, 2)});
    CHECK(play({1}) == Sight{after(1, 0)});
}

TEST_CASE_FIXTURE(Fixture, "a track that was missed too long starts afresh") {
    settings.max_missed = 1;
    play({1});
    play({});
    CHECK(play({1}) == Sight{after(1, 1)});
    play({2});
    play({2});
    CHECK(play({1}) == Sight{after(1, 0)});
}

TEST_CASE_FIXTURE(Fixture, "a gap in time, or time running backwards, starts a track afresh") {
    settings.max_gap_us = 100;
    play({1}, 1000);
    CHECK(play({1}, 1100) == Sight{after(1, 1)});
    CHECK(play({1}, 1201) == Sight{after(1, 0)});
    CHECK(play({1}, 1200) == Sight{after(1, 0)});
}

TEST_CASE_FIXTURE(Fixture, "reset forgets one track, or all") {
    play({1, 2});
    CHECK(facedge_stream_reset(stream.get(), 1) == FACEDGE_OK);
    CHECK(facedge_stream_reset(stream.get(), 77) == FACEDGE_OK);
    CHECK(play({1, 2}) == Sight{after(1, 0), after(2, 1)});
    CHECK(facedge_stream_reset(stream.get(), FACEDGE_ALL_TRACKS) == FACEDGE_OK);
    CHECK(play({1, 2}) == Sight{after(1, 0), after(2, 0)});
}

TEST_CASE_FIXTURE(Fixture, "a state can be taken out and put in") {
    play({1});
    std::vector<float> state(kFloats);
    REQUIRE(facedge_stream_get_state(stream.get(), 1, state.data(), kFloats) == FACEDGE_OK);
    for (float value : state) REQUIRE(value == 11);
    play({1});
    REQUIRE(facedge_stream_set_state(stream.get(), 1, state.data(), kFloats) == FACEDGE_OK);
    CHECK(play({1}) == Sight{after(1, 1)});
    // Into a track that was never seen, and whose first frame comes at any time.
    for (float& value : state) value = 21;
    REQUIRE(facedge_stream_set_state(stream.get(), 2, state.data(), kFloats) == FACEDGE_OK);
    CHECK(play({2}, 123456789) == Sight{after(2, 1)});
}

TEST_CASE_FIXTURE(Fixture, "states that cannot be had") {
    play({1});
    std::vector<float> state(kFloats);
    facedge_stream* s = stream.get();
    CHECK(facedge_stream_get_state(s, 9, state.data(), kFloats) == FACEDGE_EINVAL);
    CHECK(error_says("track 9 has no hidden state"));
    CHECK(facedge_stream_get_state(s, 1, state.data(), kFloats - 1) == FACEDGE_EINVAL);
    CHECK(error_says("floats is 511, expected 512"));
    CHECK(facedge_stream_set_state(s, 1, state.data(), SIZE_MAX) == FACEDGE_EINVAL);
    CHECK(facedge_stream_reset(s, 1) == FACEDGE_OK);
    CHECK(facedge_stream_get_state(s, 1, state.data(), kFloats) == FACEDGE_EINVAL);
}

TEST_CASE("a stateless stream has no states") {
    const Model model = open_model(fake::super_resolution());
    const Stream stream = fixture::open_stream(settings_of(model));
    float value = 0;
    CHECK(facedge_stream_get_state(stream.get(), 0, &value, 1) == FACEDGE_EINVAL);
    CHECK(error_says("carry no hidden state"));
    CHECK(facedge_stream_set_state(stream.get(), 0, &value, 0) == FACEDGE_EINVAL);
    CHECK(facedge_stream_reset(stream.get(), FACEDGE_ALL_TRACKS) == FACEDGE_OK);
}

TEST_CASE_FIXTURE(Fixture,
                  "while frames are under way: states are not to be had, reset is for later") {
    settings.mode = FACEDGE_MODE_WORKER;
    settings.depth = 3;
    play({1});
    fixture::Gate gate;
    const fixture::Crops crops({10});
    const uint64_t track = 1;
    facedge_faces faces = crops.faces();
    faces.tracks = &track;
    gate.attach(faces);
    REQUIRE(facedge_submit_faces(stream.get(), &faces) == FACEDGE_OK);
    std::vector<float> state(kFloats);
    CHECK(facedge_stream_get_state(stream.get(), 1, state.data(), kFloats) == FACEDGE_EAGAIN);
    CHECK(facedge_stream_set_state(stream.get(), 1, state.data(), kFloats) == FACEDGE_EAGAIN);
    CHECK(facedge_stream_reset(stream.get(), 1) == FACEDGE_OK);
    faces.release = nullptr;
    REQUIRE(facedge_submit_faces(stream.get(), &faces) == FACEDGE_OK);
    gate.open();
    const facedge_result before = fixture::take(stream);
    CHECK(before.faces[0].fresh == 0);
    CHECK(before.faces[0].restored[0] == after(1, 1).restored);
    const facedge_result behind = fixture::take(stream);
    CHECK(behind.faces[0].fresh == 1);
    CHECK(behind.faces[0].restored[0] == after(1, 0).restored);
}

TEST_CASE_FIXTURE(Fixture, "finished results that wait do not keep states from being had") {
    play({1});
    const fixture::Crops crops({10});
    const uint64_t track = 1;
    facedge_faces faces = crops.faces();
    faces.tracks = &track;
    REQUIRE(facedge_submit_faces(stream.get(), &faces) == FACEDGE_OK);  // not polled
    std::vector<float> state(kFloats);
    CHECK(facedge_stream_get_state(stream.get(), 1, state.data(), kFloats) == FACEDGE_OK);
    CHECK(state[0] == 22);
}

TEST_CASE("two stateful models: a track's state is that of both, super-resolution first") {
    fake::BundleSpec with_state = fake::action_units();
    with_state.state_channels = 1;
    const Model sr = open_model(fake::super_resolution("", 2));
    const Model au = open_model(with_state);
    facedge_stream_settings settings = settings_of(sr, au);
    settings.au_source = FACEDGE_AU_FROM_RESTORED;
    const Stream stream = fixture::open_stream(settings);
    const fixture::Crops crops({10});
    const facedge_faces faces = crops.faces();
    std::vector<float> state(kFloats + 22 * 22, -1);
    for (int frame = 1; frame <= 2; ++frame) {
        REQUIRE(facedge_submit_faces(stream.get(), &faces) == FACEDGE_OK);
        fixture::take(stream);
        REQUIRE(facedge_stream_get_state(stream.get(), 0, state.data(), state.size()) ==
                FACEDGE_OK);
        CHECK(state[kFloats - 1] == frame * 11);
        // The second model sees the restored face: 10, then 10 + 11.
        CHECK(state[kFloats] == (frame == 1 ? 11 : 11 + 22));
        CHECK(state.back() == state[kFloats]);
    }
    CHECK(facedge_stream_get_state(stream.get(), 0, state.data(), kFloats) == FACEDGE_EINVAL);
}
