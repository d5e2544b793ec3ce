// CUDA or TensorRT fails at any call: an error and a sentence, nothing is left, and what was open
// before still plays.
#include "rig.hpp"

#include <doctest/doctest.h>

using rig::Artifact;
using rig::Rig;
using standin::Machine;

namespace {

const Artifact kRestore = {}, kUnits = {rig::kUnits};

std::vector<Machine> machines() {
    std::vector<Machine> all(4);
    for (size_t i = 0; i < all.size(); ++i) {
        all[i].integrated = i % 2 == 0;
        all[i].deferred = i >= 2;
    }
    return all;
}

// One stream's life: two engines, two lanes that share, a few frames. False: something failed.
bool live(Rig& rig) {
    const rig::Engine first = rig.open(kRestore);
    if (!first) return false;
    const rig::Engine second = rig.open(kUnits);
    if (!second) return false;
    const rig::Lane a = rig.open_lane(first, kRestore, {1, 2});
    if (!a.handle) return false;
    const rig::Lane b = rig.open_lane(second, kUnits, {1, 2}, &a);
    bool good = b.handle != nullptr;
    const int code = rig.code;
    const std::string text = rig.text();
    // The first lane plays whether or not its peer could be opened.
    rig.fill(a, 1);
    if (!good) CHECK_MESSAGE(rig.plays(a, 1), rig.text());
    for (size_t frame = 0; good && frame < 3; ++frame) {
        rig.fill(b, 2);
        good = rig.plays(a, frame % 2) && rig.plays(b, frame % 2);
        if (good) continue;
        // A frame that failed leaves the lanes usable.
        const int failed = rig.code;
        const std::string why = rig.text();
        CHECK_MESSAGE(rig.plays(a, 0), rig.text());
        CHECK_MESSAGE(rig.plays(b, 1), rig.text());
        rig.code = failed;
        std::copy(why.c_str(), why.c_str() + why.size() + 1, rig.error.text);
        return false;
    }
    if (!good && !b.handle) {
        rig.code = code;
        std::copy(text.c_str(), text.c_str() + text.size() + 1, rig.error.text);
    }
    return good;
}

// Runs `live` with every call failing in its turn, until none is left to fail.
template <class FailCall, class Pending>
int fail_each(const Machine& machine, FailCall fail_call, Pending pending) {
    for (int n = 1;; ++n) {
        CAPTURE(n);
        REQUIRE(n < 1000);
        Rig rig(machine);
        rig.error.text[0] = '\0';
        fail_call(rig, n);
        const bool good = live(rig);
        if (pending(rig)) {
            CHECK(good);
            return n - 1;
        }
        if (good) continue;  // what failed could be done without: a recording, an exact size
        CHECK(rig.code < FACEDGE_OK);
        CHECK(rig.text().size() > 10);
    }
}

}  // namespace

TEST_CASE("CUDA fails at any call") {
    for (const Machine& machine : machines()) {
        for (CUresult result : {CUDA_ERROR_UNKNOWN, CUDA_ERROR_OUT_OF_MEMORY}) {
            const int calls = fail_each(
                machine, [result](Rig& rig, int n) { rig.cuda.fail_call(n, result); },
                [](const Rig& rig) { return rig.cuda.failure_pending(); });
            CHECK(calls > 60);
        }
    }
}

TEST_CASE("TensorRT fails at any call") {
    for (const Machine& machine : machines()) {
        const int calls = fail_each(
            machine, [](Rig& rig, int n) { rig.nvinfer.fail_call(n); },
            [](const Rig& rig) { return rig.nvinfer.failure_pending(); });
        CHECK(calls > 50);
    }
}

TEST_CASE("out of memory has a code of its own") {
    Rig rig;
    const rig::Engine engine = rig.open();
    rig.cuda.fail_call("cuMemHostAlloc", CUDA_ERROR_OUT_OF_MEMORY);
    CHECK_FALSE(rig.open_lane(engine, {}, {1}).handle);
    CHECK(rig.code == FACEDGE_ENOMEM);
    CHECK(rig.text() ==
          "CUDA call cuMemHostAlloc failed: out of memory (CUDA_ERROR_OUT_OF_MEMORY)");
}

TEST_CASE("a context that cannot be made current fails the call and nothing else") {
    Rig rig;
    const rig::Engine engine = rig.open();
    const rig::Lane lane = rig.open_lane(engine, {}, {1, 2});
    rig.fill(lane, 1);
    rig.cuda.fail_call("cuCtxPushCurrent");
    CHECK_FALSE(rig.enqueue(lane, 0));
    CHECK(rig.text() == "CUDA call cuCtxPushCurrent failed: unknown error (CUDA_ERROR_UNKNOWN)");
    CHECK(rig.plays(lane, 0));
    REQUIRE(rig.enqueue(lane, 1));
    rig.cuda.fail_call("cuCtxPushCurrent");
    CHECK_FALSE(rig.wait(lane));
    CHECK(rig.wait(lane));
    rig.cuda.fail_call("cuCtxPushCurrent");
    CHECK_FALSE(rig.open_lane(engine, {}, {1}).handle);
    rig.cuda.fail_call("cuCtxPushCurrent");
    CHECK_FALSE(rig.open());
}

TEST_CASE("when a graph cannot be launched the frame fails and the next one plays") {
    Rig rig;
    const rig::Engine engine = rig.open();
    const rig::Lane lane = rig.open_lane(engine, {}, {2});
    rig.fill(lane, 1);
    rig.cuda.fail_call("cuGraphLaunch");
    CHECK_FALSE(rig.enqueue(lane, 0));
    CHECK(rig.code == FACEDGE_EBACKEND);
    CHECK(rig.text() == "CUDA call cuGraphLaunch failed: unknown error (CUDA_ERROR_UNKNOWN)");
    CHECK(rig.plays(lane, 0));
}

TEST_CASE("what TensorRT says ends up in the sentence") {
    Rig rig;
    const Artifact artifact = {std::string(rig::kRestore) + "uncapturable\n"};
    const rig::Engine engine = rig.open(artifact);
    const rig::Lane lane = rig.open_lane(engine, artifact, {1});
    rig.fill(lane, 1);
    rig.nvinfer.fail_call(2);  // setInputConsumedEvent, then enqueueV3
    CHECK_FALSE(rig.enqueue(lane, 0));
    CHECK(rig.code == FACEDGE_EBACKEND);
    CHECK(rig.text() == "TensorRT cannot run: the stand-in fails on demand");
    CHECK(rig.plays(lane, 0));
}
