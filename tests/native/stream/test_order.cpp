#include "stream/fixture.hpp"

#include <doctest/doctest.h>
#include <poll.h>

#include <deque>
#include <string>
#include <vector>

using fixture::Model;
using fixture::open_model;
using fixture::settings_of;
using fixture::Stream;
using fixture::take;

namespace {

bool readable(int fd, int timeout_ms = 0) {
    pollfd entry = {fd, POLLIN, 0};
    return ::poll(&entry, 1, timeout_ms) == 1;
}

int submit(const Stream& stream, const fixture::Crops& crops, int64_t timestamp_us) {
    const facedge_faces faces = crops.faces(timestamp_us);
    return facedge_submit_faces(stream.get(), &faces);
}

int poll(const Stream& stream) {
    facedge_result result = {};
    result.struct_size = sizeof result;
    return facedge_poll(stream.get(), &result);
}

}  // namespace

TEST_CASE("results come in the order of acceptance, in both modes and at every depth") {
    const Model model = open_model(fake::super_resolution());
    for (int32_t mode : {FACEDGE_MODE_WORKER, FACEDGE_MODE_INLINE}) {
        for (int32_t depth : {0, 1, 2, 3, 16}) {
            if (depth == 0 && mode == FACEDGE_MODE_WORKER) continue;
            facedge_stream_settings settings = settings_of(model);
            settings.mode = mode;
            settings.depth = depth;
            const Stream stream = fixture::open_stream(settings);
            std::vector<fixture::Crops> frames;
            for (int i = 0; i < 40; ++i)
                frames.push_back(fixture::Crops({static_cast<uint8_t>(i * 5)}));
            uint64_t next = 0;
            const auto check_one = [&] {
                const facedge_result result = take(stream);
                CHECK(result.frame == next);
                CHECK(result.timestamp_us == static_cast<int64_t>(next) * 1000 - 7);
                REQUIRE(result.n_faces == 1);
                CHECK(result.faces[0].restored[0] == next * 5);
                ++next;
            };
            for (size_t i = 0; i < frames.size(); ++i) {
                const int64_t timestamp = static_cast<int64_t>(i) * 1000 - 7;
                int code = submit(stream, frames[i], timestamp);
                if (code == FACEDGE_EAGAIN) {
                    check_one();
                    code = submit(stream, frames[i], timestamp);
                }
                REQUIRE(code == FACEDGE_OK);
            }
            while (next < frames.size()) check_one();
            CHECK(poll(stream) == FACEDGE_EAGAIN);
        }
    }
}

TEST_CASE("as many frames as depth are taken, and refusals are counted") {
    const Model model = open_model(fake::super_resolution());
    facedge_stream_settings settings = settings_of(model);
    settings.depth = 3;
    const Stream stream = fixture::open_stream(settings);
    const fixture::Crops crops({1});
    for (int i = 0; i < 3; ++i) REQUIRE(submit(stream, crops, 0) == FACEDGE_OK);
    CHECK(submit(stream, crops, 0) == FACEDGE_EAGAIN);
    CHECK(submit(stream, crops, 0) == FACEDGE_EAGAIN);
    take(stream);
    CHECK(submit(stream, crops, 0) == FACEDGE_OK);
    facedge_stats stats = {};
    stats.struct_size = sizeof stats;
    REQUIRE(facedge_stream_stats(stream.get(), &stats) == FACEDGE_OK);
    CHECK(stats.accepted == 4);
    CHECK(stats.finished == 4);
    CHECK(stats.refused == 2);
    CHECK(stats.faces == 4);
    CHECK(stats.failed == 0);
}

TEST_CASE("a result stays valid until the next one is polled, while new frames are played") {
    const Model model = open_model(fake::super_resolution());
    for (int32_t depth : {1, 2, 4}) {
        facedge_stream_settings settings = settings_of(model);
        settings.depth = depth;
        const Stream stream = fixture::open_stream(settings);
        const fixture::Crops first({11}), other({99});
        REQUIRE(submit(stream, first, 0) == FACEDGE_OK);
        const facedge_result held = take(stream);
        for (int32_t i = 0; i < depth; ++i) REQUIRE(submit(stream, other, 0) == FACEDGE_OK);
        CHECK(submit(stream, other, 0) == FACEDGE_EAGAIN);
        CHECK(held.faces[0].restored[0] == 11);
        CHECK(held.faces[0].crop[0] == 11);
        CHECK(held.faces[0].track == 0);
    }
}

TEST_CASE("depth 0 is one set of buffers for one frame at a time") {
    const Model model = open_model(fake::super_resolution("fail_lane=2\n"));
    facedge_stream_settings settings = settings_of(model);
    settings.mode = FACEDGE_MODE_INLINE;
    settings.depth = 0;
    const Stream stream = fixture::open_stream(settings);  // a second lane would have failed
    const fixture::Crops first({11}), other({99}), many({1, 2, 3, 4, 5});
    REQUIRE(submit(stream, first, 0) == FACEDGE_OK);
    CHECK(submit(stream, other, 0) == FACEDGE_EAGAIN);
    const facedge_result held = take(stream);
    CHECK(submit(stream, many, 0) == FACEDGE_ETOOMANY);  // what is refused leaves it alone
    CHECK(held.faces[0].restored[0] == 11);
    REQUIRE(submit(stream, other, 0) == FACEDGE_OK);
    CHECK(held.faces[0].restored[0] == 99);
    CHECK(take(stream).frame == 1);
}

TEST_CASE("EAGAIN is no error and leaves the last one alone") {
    const Model model = open_model(fake::super_resolution());
    const Stream stream = fixture::open_stream(settings_of(model));
    facedge_submit(nullptr, nullptr, nullptr, 0);
    const std::string before = facedge_last_error();
    CHECK(poll(stream) == FACEDGE_EAGAIN);
    CHECK(facedge_wait(stream.get(), -1) == FACEDGE_EAGAIN);
    CHECK(before == facedge_last_error());
}

TEST_CASE("wait: until a result, until the time is over, or not at all") {
    const Model model = open_model(fake::super_resolution());
    facedge_stream_settings settings = settings_of(model);
    settings.mode = FACEDGE_MODE_WORKER;
    const Stream stream = fixture::open_stream(settings);
    CHECK(facedge_wait(stream.get(), -1) == FACEDGE_EAGAIN);  // nothing under way
    const fixture::Crops crops({1});
    fixture::Gate gate;
    facedge_faces faces = crops.faces();
    gate.attach(faces);
    REQUIRE(facedge_submit_faces(stream.get(), &faces) == FACEDGE_OK);
    CHECK(facedge_wait(stream.get(), 0) == FACEDGE_EAGAIN);
    CHECK(facedge_wait(stream.get(), 5) == FACEDGE_EAGAIN);
    CHECK(poll(stream) == FACEDGE_EAGAIN);
    gate.open();
    CHECK(facedge_wait(stream.get(), -1) == FACEDGE_OK);
    CHECK(facedge_wait(stream.get(), 0) == FACEDGE_OK);  // still there
    take(stream);
    CHECK(facedge_wait(stream.get(), 5) == FACEDGE_EAGAIN);
}

TEST_CASE("the stream's descriptor is readable while a result waits") {
    const Model model = open_model(fake::super_resolution());
    for (int32_t mode : {FACEDGE_MODE_WORKER, FACEDGE_MODE_INLINE}) {
        facedge_stream_settings settings = settings_of(model);
        settings.mode = mode;
        const Stream stream = fixture::open_stream(settings);
        const fixture::Crops crops({1});
        REQUIRE(submit(stream, crops, 0) == FACEDGE_OK);
        REQUIRE(facedge_wait(stream.get(), -1) == FACEDGE_OK);
        const int fd = facedge_stream_fd(stream.get());  // made only now
        REQUIRE(fd >= 0);
        CHECK(readable(fd));
        REQUIRE(submit(stream, crops, 1) == FACEDGE_OK);
        take(stream);
        CHECK(readable(fd, 10000));
        take(stream);
        CHECK_FALSE(readable(fd));
        REQUIRE(submit(stream, crops, 2) == FACEDGE_OK);
        CHECK(readable(fd, 10000));
        CHECK(poll(stream) == FACEDGE_OK);
        CHECK(poll(stream) == FACEDGE_EAGAIN);
        CHECK_FALSE(readable(fd));
    }
}

TEST_CASE("times are measured from acceptance on") {
    const Model model = open_model(fake::super_resolution("sleep_us=3000\n"));
    const Stream stream = fixture::open_stream(settings_of(model));
    const fixture::Crops crops({1});
    REQUIRE(submit(stream, crops, 0) == FACEDGE_OK);
    const facedge_result result = take(stream);
    CHECK(result.sr_us >= 3000);
    CHECK(result.au_us == 0);
    CHECK(result.total_us >= result.wait_us + result.crop_us + result.sr_us);
    facedge_stats stats = {};
    stats.struct_size = sizeof stats;
    REQUIRE(facedge_stream_stats(stream.get(), &stats) == FACEDGE_OK);
    CHECK(stats.sr.max_us == result.sr_us);
    CHECK(stats.total.p50_us == result.total_us);
}
