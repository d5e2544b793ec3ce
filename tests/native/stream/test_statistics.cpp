#include "stream/statistics.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>

using namespace facedge;

TEST_CASE("percentiles by nearest rank") {
    TimeRing ring;
    CHECK(ring.summary().p50_us == 0);
    CHECK(ring.summary().max_us == 0);
    ring.record(7);
    CHECK(ring.summary().p50_us == 7);
    CHECK(ring.summary().p99_us == 7);
    for (uint32_t i = 1; i <= 99; ++i) ring.record(i == 7 ? 100 : i);  // 1..100, each once
    CHECK(ring.summary().p50_us == 50);
    CHECK(ring.summary().p99_us == 99);
    CHECK(ring.summary().max_us == 100);
}

TEST_CASE("only the last 512 values count") {
    TimeRing ring;
    ring.record(1000000);
    for (uint32_t i = 0; i < 512; ++i) ring.record(5);
    CHECK(ring.summary().max_us == 5);
    ring.record(6);
    CHECK(ring.summary().max_us == 6);
}

TEST_CASE("stages count the frames that went through them") {
    const auto statistics = std::make_unique<Statistics>(true, false);
    statistics->count_finished(0, {3, 0, 0, 0, 4});  // without faces
    facedge_stats stats = {};
    statistics->read(stats);
    CHECK(stats.wait.max_us == 3);
    CHECK(stats.total.max_us == 4);
    CHECK(stats.sr.max_us == 0);
    statistics->count_finished(2, {1, 20, 30, 40, 100});
    statistics->count_failed();
    statistics->count_accepted();
    statistics->count_refused();
    statistics->read(stats);
    CHECK(stats.crop.p50_us == 20);
    CHECK(stats.sr.p50_us == 30);
    CHECK(stats.au.p50_us == 0);
    CHECK(stats.finished == 3);
    CHECK(stats.failed == 1);
    CHECK(stats.faces == 2);
    CHECK(stats.accepted == 1);
    CHECK(stats.refused == 1);
}
