#include "stream/fixture.hpp"

#include <doctest/doctest.h>

#include <string>

using fixture::error_says;
using fixture::Model;
using fixture::open_model;

TEST_CASE("a model describes itself") {
    fake::BundleSpec spec = fake::super_resolution("", 2);
    spec.name = "the-name";
    spec.plans[0].max_batch = 8;
    const Model model = open_model(spec);
    facedge_model_info info = {};
    info.struct_size = sizeof info;
    REQUIRE(facedge_model_describe(model.get(), &info) == FACEDGE_OK);
    CHECK(std::string(info.name) == "the-name");
    CHECK(std::string(info.precision) == "fp32");
    CHECK(std::string(info.backend) == "fake");
    CHECK(std::string(info.backend_version) == "1.2.3");
    CHECK(std::string(info.artifact) == "engines/0-fake.plan");
    CHECK(info.task == FACEDGE_TASK_SR);
    CHECK(info.steps == 1);
    CHECK(info.scale == 2);
    CHECK(info.stateful == 1);
    CHECK(info.input_width == 16);
    CHECK(info.input_height == 16);
    CHECK(info.output_width == 32);
    CHECK(info.output_height == 32);
    CHECK(info.max_batch == 8);
    CHECK(info.state_floats == 2 * 16 * 16);
}

TEST_CASE("an action-unit model has no output picture") {
    const Model model = open_model(fake::action_units());
    facedge_model_info info = {};
    info.struct_size = sizeof info;
    REQUIRE(facedge_model_describe(model.get(), &info) == FACEDGE_OK);
    CHECK(info.task == FACEDGE_TASK_AU);
    CHECK(info.output_width == 0);
    CHECK(info.state_floats == 0);
}

TEST_CASE("bundles that cannot be opened leave NULL and a sentence") {
    const fake::TemporaryFolder folder;
    facedge_model_settings settings;
    facedge_model_settings_default(&settings);
    settings.plugin_dir = FAKE_PLUGIN_DIR;
    auto* model = reinterpret_cast<facedge_model*>(0x1);
    SUBCASE("no bundle") {
        CHECK(facedge_model_open(&model, (folder / "absent").c_str(), &settings) ==
              FACEDGE_EBUNDLE);
        CHECK(error_says(folder / "absent"));
    }
    SUBCASE("no plug-in for anything in it") {
        fake::BundleSpec spec;
        spec.plans[0].backend = "absent";
        fake::write_bundle(folder / "b", spec);
        CHECK(facedge_model_open(&model, (folder / "b").c_str(), &settings) == FACEDGE_EBACKEND);
        CHECK(error_says("libfacedge_backend_absent.so"));
    }
    SUBCASE("a bundle that names a path as its back end") {
        fake::BundleSpec spec;
        spec.plans[0].backend = "../fake";
        spec.preferred = "../fake";
        fake::write_bundle(folder / "b", spec);
        CHECK(facedge_model_open(&model, (folder / "b").c_str(), &settings) < 0);
    }
    SUBCASE("the plan of another device") {
        fake::write_bundle(folder / "b",
                           fake::super_resolution("fail_open=" + std::to_string(FACEDGE_EPLAN)));
        settings.backend = "fake";
        CHECK(facedge_model_open(&model, (folder / "b").c_str(), &settings) == FACEDGE_EPLAN);
        CHECK(error_says("make it anew with: facedge engine"));
    }
    SUBCASE("a picture larger than any frame") {
        fake::BundleSpec spec;
        spec.width = FACEDGE_MAX_SIDE + 1;
        spec.height = 1;
        fake::write_bundle(folder / "b", spec);
        CHECK(facedge_model_open(&model, (folder / "b").c_str(), &settings) == FACEDGE_EBUNDLE);
        CHECK(error_says("expected at most 16384"));
    }
    CHECK(model == nullptr);
}

TEST_CASE("settings of a model are checked") {
    facedge_model* model = nullptr;
    facedge_model_settings settings;
    facedge_model_settings_default(&settings);
    SUBCASE("threads") {
        settings.threads = -1;
        CHECK(facedge_model_open(&model, "x", &settings) == FACEDGE_EINVAL);
        CHECK(error_says("settings.threads is -1"));
    }
    SUBCASE("device") {
        settings.device = -2;
        CHECK(facedge_model_open(&model, "x", &settings) == FACEDGE_EINVAL);
        CHECK(error_says("settings.device is -2"));
    }
    SUBCASE("struct_size") {
        for (size_t size : {size_t{0}, sizeof settings - 1, sizeof settings + 8, SIZE_MAX}) {
            settings.struct_size = size;
            CHECK(facedge_model_open(&model, "x", &settings) == FACEDGE_EVERSION);
            CHECK(error_says("facedge_model_settings.struct_size is " + std::to_string(size) +
                             " and this libfacedge (1.0) knows " +
                             std::to_string(sizeof settings)));
        }
    }
}

TEST_CASE("closing a model twice, or none, is allowed") {
    facedge_model* model = open_model(fake::super_resolution()).release();
    facedge_model_close(&model);
    CHECK(model == nullptr);
    facedge_model_close(&model);
    facedge_model_close(nullptr);
}

TEST_CASE("a stream keeps its models alive") {
    Model model = open_model(fake::super_resolution());
    const fixture::Stream stream = fixture::open_stream(fixture::settings_of(model));
    model.reset();
    const fixture::Crops crops({40});
    const facedge_faces faces = crops.faces();
    REQUIRE(facedge_submit_faces(stream.get(), &faces) == FACEDGE_OK);
    CHECK(fixture::take(stream).faces[0].restored[0] == 40);
}
