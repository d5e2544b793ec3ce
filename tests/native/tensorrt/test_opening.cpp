// What is refused before anything runs, and with which sentence.
#include "plugins/environment.hpp"
#include "rig.hpp"

#include <doctest/doctest.h>

using rig::Artifact;
using rig::Rig;
using standin::Machine;

namespace {

const std::string kRebuild = "facedge engine b --backend tensorrt";

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

bool ends(const std::string& text, const std::string& end) {
    return text.size() >= end.size() &&
           text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// A version of the major version that the plug-in was built for.
int version_of_headers(Rig& rig, int minor, int patch) {
    rig.nvinfer.reset(0);
    return std::stoi(rig.available()) * 10000 + minor * 100 + patch;
}

}  // namespace

TEST_CASE("the table is for this ABI and no other") {
    Rig rig;
    CHECK(rig.table.abi == FACEDGE_BACKEND_ABI);
    CHECK(rig.table.size == sizeof(facedge_backend_table));
    CHECK(std::string(rig.table.name) == "tensorrt");
}

TEST_CASE("available says the installed version") {
    Rig rig;
    rig.nvinfer.reset(version_of_headers(rig, 16, 2));
    const std::string version = rig.available();
    CHECK(rig.code == FACEDGE_OK);
    CHECK(ends(version, ".16.2"));
}

TEST_CASE("a version before 10.3 is refused") {
    for (const auto& [number, text] : {std::pair{8503, "8.5.3"}, {100001, "10.0.1"}}) {
        Rig rig({}, number);
        rig.available();
        CHECK(rig.code == FACEDGE_EBACKEND);
        CHECK(rig.text() == "tensorrt " + std::string(text) +
                                " is too old; expected 10.3 or later (JetPack 6.1 or later)");
    }
}

TEST_CASE("another major version than the headers' is refused") {
    Rig rig({}, 120100);
    rig.available();
    CHECK(rig.code == FACEDGE_EVERSION);
    CHECK(has(rig.text(), "is TensorRT 12.1.0 and this plug-in was built for TensorRT 1"));
}

TEST_CASE("a missing TensorRT is a sentence that names the variable") {
    Rig rig;
    const ScopedVariable variable("FACEDGE_TENSORRT", "/nowhere/libnvinfer.so");
    rig.available();
    CHECK(rig.code == FACEDGE_EBACKEND);
    CHECK(has(rig.text(), "/nowhere/libnvinfer.so"));
    CHECK(has(rig.text(), "FACEDGE_TENSORRT"));
    CHECK_FALSE(rig.open());
    CHECK(rig.code == FACEDGE_EBACKEND);
}

TEST_CASE("the library in the settings goes before the variable") {
    Rig rig;
    const ScopedVariable variable("FACEDGE_TENSORRT", "/nowhere/libnvinfer.so");
    rig.available(NVINFER_STANDIN);
    CHECK(rig.code == FACEDGE_OK);
}

TEST_CASE("a library that is no TensorRT is refused") {
    Rig rig;
    rig.available(CUDA_STANDIN);
    CHECK(rig.code == FACEDGE_EBACKEND);
    CHECK(has(rig.text(), "createInferRuntime_INTERNAL"));
}

TEST_CASE("a missing driver is a sentence that names the variable") {
    Rig rig;
    const ScopedVariable variable("FACEDGE_CUDA_DRIVER", "/nowhere/libcuda.so.1");
    rig.available();
    CHECK(rig.code == FACEDGE_EBACKEND);
    CHECK(has(rig.text(), "there is no CUDA driver here"));
    CHECK(has(rig.text(), "FACEDGE_CUDA_DRIVER"));
}

TEST_CASE("a machine without a device says so") {
    Machine machine;
    machine.devices = 0;
    Rig rig(machine);
    rig.available();
    CHECK(rig.code == FACEDGE_EBACKEND);
    CHECK(rig.text() == "no CUDA device can be used here; expected an NVIDIA GPU and its driver");
    CHECK_FALSE(rig.open());
    CHECK(rig.code == FACEDGE_EBACKEND);
}

TEST_CASE("a device that is not there is refused") {
    Rig rig;
    CHECK_FALSE(rig.open({}, 1));
    CHECK(rig.code == FACEDGE_EBACKEND);
    CHECK(rig.text() == "device is 1 and this machine has 1; expected 0 to 0");
}

TEST_CASE("a plan for elsewhere is refused before TensorRT sees it, with the command to run") {
    Rig rig;
    const std::string installed = rig.available();
    const auto refused = [&](const std::string& version, const std::string& device) {
        Artifact artifact;
        artifact.version = version;
        artifact.device = device;
        artifact.plan = "no plan";
        artifact.declared = rig::kRestore;
        CHECK_FALSE(rig.open(artifact));
        CHECK(rig.code == FACEDGE_EPLAN);
        CHECK(ends(rig.text(), kRebuild));
        CHECK(rig::take_log().empty());
        CHECK(rig.count("cuDevicePrimaryCtxRetain") == 0);
        return rig.text();
    };
    CHECK(refused("9.1.0", "sm_87") ==
          "b/engines/t.plan was built by tensorrt 9.1.0 and this machine has " + installed +
              "; build it here with: " + kRebuild);
    CHECK(refused(installed, "sm_86") ==
          "b/engines/t.plan was built for sm_86 and this device is sm_87; build it here with: " +
              kRebuild);
    CHECK(has(refused("99.0.0+", "sm_87"), "was built by tensorrt 99.0.0+"));
    CHECK(has(refused(installed, ""), "does not say"));
    CHECK(has(refused("?", "sm_87"), "does not say"));
}

TEST_CASE("a version-compatible plan may bring its host code, another may not") {
    Rig rig;
    Artifact artifact;
    artifact.plan += "host_code\n";
    CHECK_FALSE(rig.open(artifact));
    CHECK(rig.code == FACEDGE_EPLAN);
    CHECK(has(rig.text(), "the plan has host code, which is not allowed"));
    artifact.version = "10.0.0+";
    artifact.device = "ampere+";
    CHECK(rig.open(artifact));
}

TEST_CASE("a plan that does not load says what TensorRT said") {
    Rig rig;
    Artifact artifact;
    artifact.plan = "junk";
    artifact.declared = rig::kRestore;
    CHECK_FALSE(rig.open(artifact));
    CHECK(rig.code == FACEDGE_EPLAN);
    CHECK(rig.text() == "b/engines/t.plan does not load (Magic tag does not match); build it here "
                        "with: " +
                            kRebuild);
}

TEST_CASE("a plan with other tensors than the manifest's is refused") {
    Rig rig;
    Artifact artifact;
    artifact.plan = rig::kUnits;
    artifact.declared = rig::kRestore;
    CHECK_FALSE(rig.open(artifact));
    CHECK(rig.code == FACEDGE_EBUNDLE);
    CHECK(rig.text() ==
          "b/engines/t.plan has tensors images (uint8 input), landmarks (float32 output), "
          "probabilities (float32 output), expected images (uint8 input), restored (uint8 output), "
          "state_in (float32 input), state_out (float32 output); build it with: " +
              kRebuild);
}

TEST_CASE("an output of another size than the manifest's is refused before memory is written") {
    Rig rig;
    Artifact artifact;
    artifact.declared = artifact.plan;
    artifact.declared.replace(artifact.declared.find("32 32 3"), 7, "16 16 3");
    const rig::Engine engine = rig.open(artifact);
    REQUIRE(engine);
    CHECK_FALSE(rig.open_lane(engine, artifact, {1}).handle);
    CHECK(rig.code == FACEDGE_EBUNDLE);
    CHECK(rig.text() == "b/engines/t.plan makes restored [1, 32, 32, 3], expected [1, 16, 16, 3]; "
                        "build it with: " +
                            kRebuild);
}

TEST_CASE("batches that the plan was not built for are refused") {
    Rig rig;
    const rig::Engine engine = rig.open();
    for (const std::vector<int32_t>& batches :
         std::vector<std::vector<int32_t>>{{5}, {1, 5}, {0}, {2, 1}, {}}) {
        CHECK_FALSE(rig.open_lane(engine, {}, batches).handle);
        CHECK(rig.code == FACEDGE_EINVAL);
    }
    Artifact unlimited;
    unlimited.max_batch = 0;
    const rig::Engine other = rig.open(unlimited);
    CHECK_FALSE(rig.open_lane(other, {}, {5}).handle);
    CHECK(rig.code == FACEDGE_EBACKEND);
    CHECK(rig.text() == "TensorRT refuses shape [5, 16, 16, 3] for images: the shape is outside of "
                        "the profile");
}

TEST_CASE("a batch index outside of the lane is refused and the lane stays usable") {
    Rig rig;
    const rig::Engine engine = rig.open();
    const rig::Lane lane = rig.open_lane(engine, {}, {1, 2});
    CHECK_FALSE(rig.enqueue(lane, 2));
    CHECK(rig.code == FACEDGE_EINVAL);
    CHECK_FALSE(rig.enqueue(lane, static_cast<size_t>(-1)));
    rig.fill(lane, 1);
    CHECK(rig.plays(lane, 1));
}
