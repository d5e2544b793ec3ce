// Two threads on one stream, many streams on one model. Worth the most under ThreadSanitizer.
#include "stream/fixture.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

using fixture::Model;
using fixture::open_model;
using fixture::settings_of;
using fixture::Stream;

TEST_CASE("a second thread inside the same stream is refused, and nothing breaks") {
    const Model model = open_model(fake::super_resolution("", 1));
    for (int32_t mode : {FACEDGE_MODE_WORKER, FACEDGE_MODE_INLINE}) {
        facedge_stream_settings settings = settings_of(model);
        settings.mode = mode;
        const fixture::Crops crops({1});  // until the last frame was read
        const Stream stream = fixture::open_stream(settings);
        std::atomic<int> accepted{0}, unexpected{0};
        const auto meddle = [&] {
            const facedge_faces faces = crops.faces();
            float state[256];
            for (int i = 0; i < 500; ++i) {
                facedge_result result = {};
                result.struct_size = sizeof result;
                const int codes[] = {
                    facedge_submit_faces(stream.get(), &faces), facedge_wait(stream.get(), 0),
                    facedge_poll(stream.get(), &result), facedge_stream_reset(stream.get(), 0),
                    facedge_stream_get_state(stream.get(), 0, state, 256)};
                accepted += codes[0] == FACEDGE_OK;
                for (int code : codes) {
                    const bool allowed = code == FACEDGE_OK || code == FACEDGE_EAGAIN ||
                                         code == FACEDGE_EBUSY || code == FACEDGE_EINVAL;
                    unexpected += !allowed;
                }
            }
        };
        std::thread first(meddle), second(meddle);
        first.join();
        second.join();
        CHECK(unexpected == 0);
        CHECK(accepted > 0);
        facedge_stats stats = {};
        stats.struct_size = sizeof stats;
        REQUIRE(facedge_stream_stats(stream.get(), &stats) == FACEDGE_OK);
        CHECK(stats.accepted == static_cast<uint64_t>(accepted));
    }
}

TEST_CASE("a thread that waits keeps others out, with a sentence") {
    const Model model = open_model(fake::super_resolution());
    facedge_stream_settings settings = settings_of(model);
    settings.mode = FACEDGE_MODE_WORKER;
    const Stream stream = fixture::open_stream(settings);
    fixture::Gate gate;
    const fixture::Crops crops({1});
    facedge_faces faces = crops.faces();
    gate.attach(faces);
    REQUIRE(facedge_submit_faces(stream.get(), &faces) == FACEDGE_OK);
    std::thread waiting([&] {
        int code = FACEDGE_EBUSY;  // while the other thread is polling
        while (code == FACEDGE_EBUSY) code = facedge_wait(stream.get(), -1);
        CHECK(code == FACEDGE_OK);
    });
    facedge_result result = {};
    result.struct_size = sizeof result;
    while (facedge_poll(stream.get(), &result) != FACEDGE_EBUSY) std::this_thread::yield();
    CHECK(fixture::error_says("a stream belongs to one thread at a time"));
    // These two are for any thread.
    facedge_stats stats = {};
    stats.struct_size = sizeof stats;
    CHECK(facedge_stream_stats(stream.get(), &stats) == FACEDGE_OK);
    CHECK(facedge_stream_fd(stream.get()) >= 0);
    gate.open();
    waiting.join();
    CHECK(facedge_poll(stream.get(), &result) == FACEDGE_OK);
}

TEST_CASE("a stream may wander from thread to thread") {
    const Model model = open_model(fake::super_resolution("", 1));
    facedge_stream_settings settings = settings_of(model);
    settings.mode = FACEDGE_MODE_WORKER;
    const Stream stream = fixture::open_stream(settings);
    for (int i = 0; i < 5; ++i) {
        std::thread([&] {
            const fixture::Crops crops({0});
            const facedge_faces faces = crops.faces();
            REQUIRE(facedge_submit_faces(stream.get(), &faces) == FACEDGE_OK);
            CHECK(fixture::take(stream).faces[0].restored[0] == i);
        }).join();
    }
}

TEST_CASE("streams on one model run side by side, each with its own states") {
    const Model model = open_model(fake::super_resolution("", 1));
    std::vector<std::thread> cameras;
    for (uint8_t camera = 0; camera < 4; ++camera) {
        cameras.emplace_back([&model, camera] {
            facedge_stream_settings settings = settings_of(model);
            settings.mode = camera % 2 ? FACEDGE_MODE_WORKER : FACEDGE_MODE_INLINE;
            const Stream stream = fixture::open_stream(settings);
            const fixture::Crops crops({camera});
            for (int i = 0; i < 100; ++i) {
                const facedge_faces faces = crops.faces(i);
                REQUIRE(facedge_submit_faces(stream.get(), &faces) == FACEDGE_OK);
                const facedge_result result = fixture::take(stream);
                REQUIRE(result.faces[0].restored[0] ==
                        static_cast<uint8_t>(camera + i * (camera + 1)));
            }
        });
    }
    for (std::thread& camera : cameras) camera.join();
}

TEST_CASE("statistics and the descriptor are had from another thread while frames go through") {
    const Model model = open_model(fake::super_resolution());
    facedge_stream_settings settings = settings_of(model);
    settings.mode = FACEDGE_MODE_WORKER;
    const Stream stream = fixture::open_stream(settings);
    std::atomic<bool> done{false};
    std::atomic<int> wrong{0};
    std::thread observer([&] {
        while (!done) {
            facedge_stats stats = {};
            stats.struct_size = sizeof stats;
            wrong += facedge_stream_stats(stream.get(), &stats) != FACEDGE_OK;
            wrong += stats.total.p50_us > stats.total.max_us;
            wrong += facedge_stream_fd(stream.get()) < 0;
        }
    });
    const fixture::Crops crops({1});
    for (int i = 0; i < 1000; ++i) {
        const facedge_faces faces = crops.faces(i);
        REQUIRE(facedge_submit_faces(stream.get(), &faces) == FACEDGE_OK);
        fixture::take(stream);
    }
    done = true;
    observer.join();
    CHECK(wrong == 0);
}

TEST_CASE("models are opened and closed on many threads at once") {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([] {
            for (int k = 0; k < 5; ++k) {
                Model model = open_model(fake::super_resolution());
                const Stream stream = fixture::open_stream(settings_of(model));
                model.reset();
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
}
