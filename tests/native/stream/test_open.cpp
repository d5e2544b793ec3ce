#include "stream/fixture.hpp"

#include <doctest/doctest.h>

#include <string>

using fixture::error_says;
using fixture::Model;
using fixture::open_model;
using fixture::settings_of;

namespace {

// Opening must fail with this code and these words, and leave NULL.
void refused(const facedge_stream_settings& settings, int code, const std::string& words) {
    auto* stream = reinterpret_cast<facedge_stream*>(0x1);
    CHECK(facedge_stream_open(&stream, &settings) == code);
    CHECK(stream == nullptr);
    CHECK(error_says(words));
}

}  // namespace

TEST_CASE("default settings are those of the header") {
    facedge_stream_settings settings;
    facedge_stream_settings_default(&settings);
    CHECK(settings.struct_size == sizeof settings);
    CHECK(settings.sr == nullptr);
    CHECK(settings.au == nullptr);
    CHECK(settings.mode == FACEDGE_MODE_WORKER);
    CHECK(settings.au_source == FACEDGE_AU_FROM_FRAME);
    CHECK(settings.batching == FACEDGE_BATCH_POWERS);
    CHECK(settings.max_faces == 4);
    CHECK(settings.depth == 2);
    CHECK(settings.max_tracks == 16);
    CHECK(settings.max_missed == 5);
    CHECK(settings.max_gap_us == 500000);
    facedge_stream_settings_default(nullptr);
}

TEST_CASE("every setting of a stream is checked") {
    const Model model = open_model(fake::super_resolution("", 1));
    facedge_stream_settings settings = settings_of(model);
    SUBCASE("struct_size") {
        settings.struct_size -= 8;
        refused(settings, FACEDGE_EVERSION, "facedge_stream_settings.struct_size is");
    }
    SUBCASE("no model") {
        settings.sr = nullptr;
        refused(settings, FACEDGE_EINVAL, "settings.sr and settings.au are both NULL");
    }
    SUBCASE("mode") {
        settings.mode = 3;
        refused(settings, FACEDGE_EINVAL, "settings.mode is 3, expected 1 to 2");
    }
    SUBCASE("au_source") {
        settings.au_source = 0;
        refused(settings, FACEDGE_EINVAL, "settings.au_source is 0");
    }
    SUBCASE("batching") {
        settings.batching = -1;
        refused(settings, FACEDGE_EINVAL, "settings.batching is -1");
    }
    SUBCASE("max_faces") {
        for (int32_t value : {0, -1, 257, INT32_MAX, INT32_MIN}) {
            settings.max_faces = value;
            refused(settings, FACEDGE_EINVAL,
                    "settings.max_faces is " + std::to_string(value) + ", expected 1 to 256");
        }
    }
    SUBCASE("depth") {
        settings.mode = FACEDGE_MODE_WORKER;
        for (int32_t value : {0, 17}) {
            settings.depth = value;
            refused(settings, FACEDGE_EINVAL, "settings.depth is");
        }
        settings.mode = FACEDGE_MODE_INLINE;
        settings.depth = -1;
        refused(settings, FACEDGE_EINVAL, "settings.depth is -1, expected 0 to 16");
    }
    SUBCASE("max_tracks") {
        for (int32_t value : {0, 4097}) {
            settings.max_tracks = value;
            refused(settings, FACEDGE_EINVAL, "settings.max_tracks is");
        }
        settings.max_tracks = settings.max_faces - 1;
        refused(settings, FACEDGE_EINVAL, "settings.max_tracks is 3, expected at least max_faces");
    }
    SUBCASE("max_missed and max_gap_us") {
        settings.max_missed = -1;
        refused(settings, FACEDGE_EINVAL, "settings.max_missed is -1");
        settings.max_missed = 0;
        settings.max_gap_us = -1;
        refused(settings, FACEDGE_EINVAL, "settings.max_gap_us is -1");
    }
}

TEST_CASE("a stateless stream needs no tracks to keep") {
    const Model model = open_model(fake::super_resolution());
    facedge_stream_settings settings = settings_of(model);
    settings.max_tracks = 1;
    fixture::open_stream(settings);
}

TEST_CASE("models are checked against what they are given for") {
    const Model sr = open_model(fake::super_resolution());
    const Model au = open_model(fake::action_units());
    facedge_stream_settings settings = settings_of(sr, au);
    SUBCASE("the members confused") {
        std::swap(settings.sr, settings.au);
        refused(settings, FACEDGE_EINVAL, "settings.sr is fake-units, a bundle for action-units");
    }
    SUBCASE("action units of nothing restored") {
        settings.sr = nullptr;
        settings.au_source = FACEDGE_AU_FROM_RESTORED;
        refused(settings, FACEDGE_EINVAL, "FACEDGE_AU_FROM_RESTORED and settings.sr is NULL");
    }
}

TEST_CASE("more faces than a plan was built for are refused") {
    fake::BundleSpec spec = fake::super_resolution();
    spec.plans[0].max_batch = 3;
    const Model model = open_model(spec);
    facedge_stream_settings settings = settings_of(model);
    refused(settings, FACEDGE_EINVAL, "engines/0-fake.plan of fake takes at most 3");
    settings.max_faces = 3;
    fixture::open_stream(settings);
}

TEST_CASE("a lane that cannot be opened: nothing is left over, and others still work") {
    // With depth 2 a stream has three lanes per model; the engine counts its lanes from 1 on.
    const Model model = open_model(fake::super_resolution("fail_lane=3\n"));
    const facedge_stream_settings settings = settings_of(model);
    refused(settings, FACEDGE_ENOMEM,
            "fake cannot be prepared for 4 faces: it was told to fail at lane 3");
    fixture::open_stream(settings);  // lanes 4 to 6
}

TEST_CASE("closing a stream twice, or none, is allowed") {
    const Model model = open_model(fake::super_resolution());
    facedge_stream* stream = fixture::open_stream(settings_of(model)).release();
    facedge_stream_close(&stream);
    CHECK(stream == nullptr);
    facedge_stream_close(&stream);
    facedge_stream_close(nullptr);
}
