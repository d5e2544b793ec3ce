// Frames on the GPU, played on a back end whose "device" memory is the host's: order of the calls,
// release, failures and results. The kernels themselves are not what is tested here.
#include "stream/fixture.hpp"

#include <doctest/doctest.h>
#include <facedge/facedge_cuda.h>

#include <cstring>
#include <string>
#include <vector>

using fixture::error_says;
using fixture::face;
using fixture::Model;
using fixture::open_model;
using fixture::settings_of;
using fixture::Stream;

namespace {

fake::BundleSpec on_gpu(fake::BundleSpec spec) {
    spec.plans[0].backend = "fake-cuda";
    return spec;
}

facedge_frame gpu_frame(const fixture::Picture& picture) {
    facedge_frame frame = picture.frame();
    frame.memory = FACEDGE_MEMORY_CUDA;
    return frame;
}

// A picture in which every place has its own colour.
fixture::Picture slope() {
    fixture::Picture picture;
    for (size_t i = 0; i < picture.pixels().size(); ++i)
        picture.pixels()[i] = static_cast<uint8_t>(i / 3 % 64 * 3 + i / 192);
    return picture;
}

}  // namespace

TEST_CASE("which streams take frames on the GPU") {
    const Model host_sr = open_model(fake::super_resolution());
    const Model gpu_sr = open_model(on_gpu(fake::super_resolution()));
    const Model host_au = open_model(fake::action_units());
    const Model gpu_au = open_model(on_gpu(fake::action_units()));
    const auto takes = [](const Model& sr, const Model& au, int32_t source) {
        facedge_stream_settings settings = settings_of(sr, au);
        settings.au_source = source;
        return facedge_stream_takes_cuda(fixture::open_stream(settings).get());
    };
    CHECK(takes(host_sr, nullptr, FACEDGE_AU_FROM_FRAME) == 0);
    CHECK(takes(gpu_sr, nullptr, FACEDGE_AU_FROM_FRAME) == 1);
    CHECK(takes(gpu_sr, gpu_au, FACEDGE_AU_FROM_FRAME) == 1);
    CHECK(takes(gpu_sr, host_au, FACEDGE_AU_FROM_FRAME) == 0);
    CHECK(takes(gpu_sr, host_au, FACEDGE_AU_FROM_RESTORED) == 1);
    CHECK(takes(nullptr, gpu_au, FACEDGE_AU_FROM_FRAME) == 1);
}

TEST_CASE("a frame on the GPU gives what it gives from the host") {
    const Model sr = open_model(on_gpu(fake::super_resolution("", 1)));
    const Model au = open_model(on_gpu(fake::action_units()));
    const fixture::Picture picture = slope();
    const facedge_roi rois[] = {face(1), face(2, 20, 10, 20), face(3, 2, 2, 40)};
    for (int32_t source : {FACEDGE_AU_FROM_FRAME, FACEDGE_AU_FROM_RESTORED}) {
        facedge_stream_settings settings = settings_of(sr, au);
        settings.au_source = source;
        const Stream host = fixture::open_stream(settings), gpu = fixture::open_stream(settings);
        for (int i = 0; i < 3; ++i) {
            const facedge_frame on_host = picture.frame(), on_device = gpu_frame(picture);
            REQUIRE(facedge_submit(host.get(), &on_host, rois, 3) == FACEDGE_OK);
            REQUIRE(facedge_submit(gpu.get(), &on_device, rois, 3) == FACEDGE_OK);
            const facedge_result expected = fixture::take(host), found = fixture::take(gpu);
            REQUIRE(found.status == FACEDGE_OK);
            for (int k = 0; k < 3; ++k) {
                const facedge_face &a = expected.faces[k], &b = found.faces[k];
                CHECK(std::memcmp(a.restored, b.restored, 32 * 96) == 0);
                CHECK(std::memcmp(a.probabilities, b.probabilities, 12 * sizeof(float)) == 0);
                CHECK(std::memcmp(a.landmarks, b.landmarks, 98 * sizeof(float)) == 0);
                CHECK(a.crop != nullptr);
                CHECK(b.crop == nullptr);  // never was in host memory
            }
        }
    }
}

TEST_CASE("one stream may get frames of either kind") {
    const Model sr = open_model(on_gpu(fake::super_resolution()));
    const Stream stream = fixture::open_stream(settings_of(sr));
    const facedge_roi roi = face();
    for (uint8_t value : {10, 20, 30, 40}) {
        const fixture::Picture picture(value);
        const facedge_frame frame = value % 20 ? picture.frame() : gpu_frame(picture);
        REQUIRE(facedge_submit(stream.get(), &frame, &roi, 1) == FACEDGE_OK);
        CHECK(fixture::take(stream).faces[0].restored[0] == value);
    }
}

TEST_CASE("device addresses of the last polled result") {
    const Model sr = open_model(on_gpu(fake::super_resolution()));
    const Model au = open_model(on_gpu(fake::action_units()));
    const Model host_sr = open_model(fake::super_resolution());
    const fixture::Picture picture(10);
    const facedge_frame frame = picture.frame();
    const facedge_roi roi = face();
    const auto play = [&](const Stream& stream) {
        REQUIRE(facedge_submit(stream.get(), &frame, &roi, 1) == FACEDGE_OK);
        return fixture::take(stream);
    };
    const void* restored = &frame;
    SUBCASE("restored faces") {
        const Stream stream = fixture::open_stream(settings_of(sr));
        const facedge_result result = play(stream);
        REQUIRE(facedge_result_cuda(stream.get(), &result, &restored) == FACEDGE_OK);
        REQUIRE(restored != nullptr);
        CHECK(*static_cast<const uint8_t*>(restored) == 10);
        const facedge_result next = play(stream);
        CHECK(facedge_result_cuda(stream.get(), &result, &restored) == FACEDGE_EINVAL);
        CHECK(error_says("the result is of frame 0 and no longer the one polled last"));
        CHECK(restored == nullptr);
        CHECK(facedge_result_cuda(stream.get(), &next, &restored) == FACEDGE_OK);
    }
    SUBCASE("of depth 0, until the next frame is accepted") {
        facedge_stream_settings settings = settings_of(sr);
        settings.mode = FACEDGE_MODE_INLINE;
        settings.depth = 0;
        const Stream stream = fixture::open_stream(settings);
        const facedge_result result = play(stream);
        CHECK(facedge_result_cuda(stream.get(), &result, &restored) == FACEDGE_OK);
        REQUIRE(facedge_submit(stream.get(), &frame, &roi, 1) == FACEDGE_OK);
        CHECK(facedge_result_cuda(stream.get(), &result, &restored) == FACEDGE_EINVAL);
        CHECK(restored == nullptr);
    }
    SUBCASE("before the first result") {
        const Stream stream = fixture::open_stream(settings_of(sr));
        facedge_result result = {};
        result.struct_size = sizeof result;
        CHECK(facedge_result_cuda(stream.get(), &result, &restored) == FACEDGE_EINVAL);
    }
    SUBCASE("none without super-resolution, or in host memory") {
        const Stream units = fixture::open_stream(settings_of(nullptr, au));
        facedge_result result = play(units);
        CHECK(facedge_result_cuda(units.get(), &result, &restored) == FACEDGE_OK);
        CHECK(restored == nullptr);
        const Stream host = fixture::open_stream(settings_of(host_sr));
        result = play(host);
        CHECK(facedge_result_cuda(host.get(), &result, &restored) == FACEDGE_OK);
        CHECK(restored == nullptr);
    }
}

TEST_CASE("crops that fail: the frame fails, is released once, and the next one works") {
    // The fake back end ends the program when crops under way are not waited for.
    for (const std::string options :
         {"fail_crop=0\n", "fail_crop_wait=0\n", "fail_enqueue=0\n", "fail_wait=0\n"}) {
        for (bool first_fails : {true, false}) {
            const Model sr = open_model(on_gpu(fake::super_resolution(first_fails ? options : "")));
            const Model au = open_model(on_gpu(fake::action_units(first_fails ? "" : options)));
            const Stream stream = fixture::open_stream(settings_of(sr, au));
            const fixture::Picture picture(10);
            facedge_frame frame = gpu_frame(picture);
            const facedge_roi roi = face();
            fixture::Releases releases;
            releases.attach(frame);
            INFO(options);
            REQUIRE(facedge_submit(stream.get(), &frame, &roi, 1) == FACEDGE_OK);
            const facedge_result failed = fixture::take(stream);
            CHECK(failed.status == FACEDGE_EBACKEND);
            CHECK(releases.count == 1);
            // The same slot comes again after depth + 1 frames: none may find crops left behind.
            const fixture::Picture other(40);
            const facedge_frame on_host = other.frame();
            for (int i = 0; i < 3; ++i) {
                REQUIRE(facedge_submit(stream.get(), &on_host, &roi, 1) == FACEDGE_OK);
                const facedge_result next = fixture::take(stream);
                CHECK(next.status == FACEDGE_OK);
                CHECK(next.faces[0].restored[0] == 40);
                CHECK(next.faces[0].probabilities[0] == doctest::Approx(40 / 255.0));
            }
            CHECK(releases.count == 1);
        }
    }
}
