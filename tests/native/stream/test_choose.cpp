#include "plugins/environment.hpp"
#include "stream/choose.hpp"
#include "stream/fixture.hpp"

#include <doctest/doctest.h>

using namespace facedge;
using fixture::says;

namespace {

// A bundle on disk, and what choose() makes of it.
struct Case {
    fake::TemporaryFolder folder;
    Bundle bundle;
    Chosen chosen;

    explicit Case(const std::vector<fake::Plan>& plans) {
        fake::BundleSpec spec;
        spec.plans = plans;
        fake::write_bundle(folder / "b", spec);
        REQUIRE(Bundle::load(folder / "b", true, bundle));
    }
    Status choose(const std::string& backend = "") {
        EngineOptions options;
        options.plugin_dir = FAKE_PLUGIN_DIR;
        return facedge::choose(bundle, backend, options, chosen);
    }
};

fake::Plan plan(const std::string& backend, const std::string& options = "") {
    fake::Plan made;
    made.backend = backend;
    made.options = options;
    return made;
}

const std::string kNoFit = "fail_open=" + std::to_string(FACEDGE_EPLAN) + "\n";
const std::string kBroken = "fail_open=" + std::to_string(FACEDGE_EBACKEND) + "\n";

}  // namespace

TEST_CASE("automatic order: plans, the preferred back end, the known ones, the rest") {
    Manifest manifest;
    for (const char* name : {"exotic", "openvino", "onnxruntime", "tensorrt-rtx", "tensorrt"})
        manifest.artifacts.push_back({name, "file", "portable", "", "", 0});
    manifest.preferred = "openvino";
    using Names = std::vector<std::string>;
    CHECK(automatic_order(manifest) ==
          Names{"tensorrt", "tensorrt-rtx", "openvino", "onnxruntime", "exotic"});
    manifest.artifacts.resize(2);
    manifest.preferred = "tensorrt";  // which the bundle has nothing for
    CHECK(automatic_order(manifest) == Names{"openvino", "exotic"});
}

TEST_CASE("the first plan that fits is played") {
    Case with({plan("fake", kNoFit), plan("fake", "a=1\n"), plan("fake", "b=1\n")});
    REQUIRE(with.choose("fake"));
    CHECK(with.chosen.artifact.path == "engines/1-fake.plan");
}

TEST_CASE("when no plan fits, the first reason is told, with the command to run") {
    Case with({plan("fake", kNoFit), plan("fake", kNoFit)});
    const Status status = with.choose("fake");
    CHECK(status.code() == FACEDGE_EPLAN);
    CHECK(says(status.message().c_str(), "engines/0-fake.plan was told not to open"));
    CHECK(says(status.message().c_str(),
               "facedge engine " + with.bundle.folder() + " --backend fake"));
}

TEST_CASE("auto passes over back ends that do not work here") {
    Case with({plan("tensorrt"), plan("fake", kBroken), plan("fake-cuda")});
    REQUIRE(with.choose());
    CHECK(with.chosen.artifact.backend == "fake-cuda");
}

TEST_CASE("when nothing works, one sentence has every reason") {
    Case with({plan("tensorrt"), plan("fake", kBroken)});
    const Status status = with.choose();
    CHECK(status.code() == FACEDGE_EBACKEND);
    CHECK(says(status.message().c_str(), "no back end can play " + with.bundle.folder()));
    CHECK(says(status.message().c_str(), "engines/0-tensorrt.plan for tensorrt"));
    CHECK(says(status.message().c_str(), "back end tensorrt is not installed"));
    CHECK(says(status.message().c_str(), "was told not to open"));
}

TEST_CASE("a back end the bundle has nothing for") {
    Case with({plan("fake")});
    const Status status = with.choose("onnxruntime");
    CHECK(status.code() == FACEDGE_EBACKEND);
    CHECK(says(status.message().c_str(),
               "has nothing for back end onnxruntime; it has engines/0-fake.plan for fake"));
}

TEST_CASE("a damaged bundle is not passed over") {
    Case with({plan("fake"), plan("fake-cuda")});
    fake::BundleSpec other;
    other.plans = {plan("fake", "altered=1\n"), plan("fake-cuda")};
    fake::write_bundle(with.folder / "b", other);  // behind the loaded manifest's back
    CHECK(with.choose().code() == FACEDGE_EBUNDLE);
}

TEST_CASE("a library that is missing is a reason") {
    const ScopedVariable missing("FACEDGE_FAKE_UNAVAILABLE", "1");
    Case with({plan("fake")});
    CHECK(says(with.choose("fake").message().c_str(), "the fake library is not installed"));
}
