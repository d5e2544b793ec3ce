#include "stream/tracks.hpp"

#include <doctest/doctest.h>

#include <vector>

using facedge::Tracks;
using facedge::TrackUse;

namespace {

std::vector<TrackUse> assign(Tracks& tracks, std::vector<uint64_t> ids, uint64_t frame,
                             int64_t timestamp_us = 0) {
    std::vector<TrackUse> uses(ids.size());
    tracks.assign(ids.data(), ids.size(), frame, timestamp_us, uses.data());
    return uses;
}

constexpr int kMissed = 2;
constexpr int64_t kGap = 100;

}  // namespace

TEST_CASE("a track keeps its state from frame to frame") {
    Tracks tracks(4, kMissed, kGap);
    const auto first = assign(tracks, {7, 9}, 0);
    CHECK(first[0].fresh);
    CHECK(first[1].fresh);
    CHECK(first[0].state != first[1].state);
    const auto second = assign(tracks, {9, 7}, 1);
    CHECK_FALSE(second[0].fresh);
    CHECK(second[0].state == first[1].state);
    CHECK(second[1].state == first[0].state);
}

TEST_CASE("the least recently used track is forgotten") {
    Tracks tracks(2, kMissed, kGap);
    const int32_t of_1 = assign(tracks, {1}, 0)[0].state;
    assign(tracks, {2}, 1);
    assign(tracks, {1}, 2);
    const auto of_3 = assign(tracks, {3}, 3);
    CHECK(of_3[0].fresh);
    CHECK(of_3[0].state != of_1);
    CHECK(tracks.find(2) == -1);
    CHECK_FALSE(assign(tracks, {1}, 4)[0].fresh);
}

TEST_CASE("a new track pushes out no track of the same frame") {
    Tracks tracks(2, kMissed, kGap);
    assign(tracks, {1}, 0);
    assign(tracks, {2}, 1);
    const auto uses = assign(tracks, {3, 1}, 2);  // 1 is the least recently used
    CHECK(uses[0].fresh);
    CHECK_FALSE(uses[1].fresh);
    CHECK(uses[0].state != uses[1].state);
}

TEST_CASE("a track absent for more than max_missed frames starts afresh") {
    Tracks tracks(2, kMissed, kGap);
    assign(tracks, {1}, 0);
    CHECK_FALSE(assign(tracks, {1}, 1 + kMissed)[0].fresh);
    CHECK(assign(tracks, {1}, 1 + kMissed + 2 + kMissed)[0].fresh);
}

TEST_CASE("a gap in time, and time that runs backwards, start a track afresh") {
    Tracks tracks(2, kMissed, kGap);
    assign(tracks, {1}, 0, 1000);
    CHECK_FALSE(assign(tracks, {1}, 1, 1000 + kGap)[0].fresh);
    CHECK(assign(tracks, {1}, 2, 1000 + 2 * kGap + 1)[0].fresh);
    CHECK_FALSE(assign(tracks, {1}, 3, 1000 + 2 * kGap + 1)[0].fresh);
    CHECK(assign(tracks, {1}, 4, 1000)[0].fresh);
}

TEST_CASE("timestamps at the ends of their range") {
    Tracks tracks(2, kMissed, INT64_MAX);
    assign(tracks, {1}, 0, INT64_MIN);
    CHECK(assign(tracks, {1}, 1, INT64_MAX)[0].fresh);  // the gap does not fit
    CHECK(assign(tracks, {1}, 2, INT64_MIN)[0].fresh);
    CHECK_FALSE(assign(tracks, {1}, 3, -1)[0].fresh);  // INT64_MAX exactly
}

TEST_CASE("forgotten tracks start afresh, others go on") {
    Tracks tracks(3, kMissed, kGap);
    assign(tracks, {1, 2}, 0);
    tracks.forget(1);
    tracks.forget(99);
    CHECK(tracks.find(1) == -1);
    const auto uses = assign(tracks, {1, 2}, 1);
    CHECK(uses[0].fresh);
    CHECK_FALSE(uses[1].fresh);
    tracks.forget_all();
    CHECK(assign(tracks, {2}, 2)[0].fresh);
}

TEST_CASE("an adopted state waits for its next frame, whatever its time") {
    Tracks tracks(2, kMissed, kGap);
    const int32_t state = tracks.adopt(5, 0);
    const auto uses = assign(tracks, {5}, 0, 123456789);
    CHECK(uses[0].state == state);
    CHECK_FALSE(uses[0].fresh);
    CHECK(tracks.adopt(5, 1) == state);
    CHECK(assign(tracks, {5}, 2 + kMissed, 0)[0].fresh);  // missed
}

TEST_CASE("an adopted state takes the place of the least recently used") {
    Tracks tracks(2, kMissed, kGap);
    assign(tracks, {1}, 0);
    assign(tracks, {2}, 1);
    tracks.adopt(3, 2);
    CHECK(tracks.find(1) == -1);
    CHECK(tracks.find(2) >= 0);
}
