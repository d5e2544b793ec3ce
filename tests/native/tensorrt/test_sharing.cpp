// Lanes that never run at the same time: one stream and one scratch block for both.
#include "rig.hpp"

#include <doctest/doctest.h>

using rig::Artifact;
using rig::Rig;
using standin::Machine;

namespace {

const Artifact kRestore = {}, kUnits = {rig::kUnits};

// Needs 1000 bytes a row for pictures and 3000 for action units, at most 4 rows.
constexpr size_t kSmaller = 4000, kLarger = 12000, kSlack = 256;

Machine card(bool deferred) {
    Machine machine;
    machine.integrated = false;
    machine.deferred = deferred;
    return machine;
}

}  // namespace

TEST_CASE("a peer shares the stream and the scratch block, whichever needs more") {
    for (bool larger_first : {false, true}) {
        Rig rig;  // on a board, device memory is scratch only
        const Artifact &one = larger_first ? kUnits : kRestore,
                       &two = larger_first ? kRestore : kUnits;
        const rig::Engine first = rig.open(one), second = rig.open(two);
        const rig::Lane a = rig.open_lane(first, one, {1, 4});
        CHECK(rig.cuda.device_bytes() == (larger_first ? kLarger : kSmaller) + kSlack);
        const rig::Lane b = rig.open_lane(second, two, {1, 4}, &a);
        CHECK(rig.cuda.device_bytes() == kLarger + kSlack);
        CHECK(rig.cuda.live().streams == 1);
    }
}

TEST_CASE("after the block has grown both lanes play recorded graphs, and rightly") {
    for (bool deferred : {false, true}) {
        Rig rig(card(deferred));
        const rig::Engine first = rig.open(kRestore), second = rig.open(kUnits);
        const rig::Lane a = rig.open_lane(first, kRestore, {1, 4});
        const rig::Lane b = rig.open_lane(second, kUnits, {1, 2, 4}, &a);
        rig.cuda.clear_calls();
        for (unsigned frame = 0; frame < 4; ++frame) {
            rig.fill(a, frame);
            rig.fill(b, 50 + frame);
            const auto wanted_a = rig.expected(a, frame % 2), wanted_b = rig.expected(b, frame % 3);
            CHECK(rig.enqueue(a, frame % 2));
            CHECK(rig.enqueue(b, frame % 3));
            CHECK(rig.wait(a));
            CHECK(rig.outputs_are(a, wanted_a));
            CHECK(rig.wait(b));
            CHECK(rig.outputs_are(b, wanted_b));
        }
        CHECK(rig.count("cuGraphLaunch") == 8);
    }
}

TEST_CASE("waiting for one lane does not wait for its peer's later work") {
    Rig rig(card(true));
    const rig::Engine first = rig.open(kRestore), second = rig.open(kUnits);
    const rig::Lane a = rig.open_lane(first, kRestore, {4});
    const rig::Lane b = rig.open_lane(second, kUnits, {4}, &a);
    rig.fill(a, 1);
    rig.fill(b, 2);
    const auto wanted = rig.expected(b, 0);
    REQUIRE(rig.enqueue(a, 0));
    REQUIRE(rig.enqueue(b, 0));
    REQUIRE(rig.wait(a));
    CHECK_FALSE(rig.outputs_are(b, wanted));
    REQUIRE(rig.wait(b));
    CHECK(rig.outputs_are(b, wanted));
}

TEST_CASE("lanes that share may be closed in either order, also with work under way") {
    for (bool first_goes_first : {false, true}) {
        Rig rig(card(true));
        const rig::Engine first = rig.open(kRestore), second = rig.open(kUnits);
        rig::Lane a = rig.open_lane(first, kRestore, {1, 4});
        rig::Lane b = rig.open_lane(second, kUnits, {1, 4}, &a);
        rig.fill(a, 1);
        rig.fill(b, 2);
        CHECK(rig.enqueue(a, 1));
        CHECK(rig.enqueue(b, 1));
        rig::Lane& gone = first_goes_first ? a : b;
        rig::Lane& stays = first_goes_first ? b : a;
        gone.handle.reset();
        CHECK(rig.plays(stays, 0));
    }
}

TEST_CASE("a third lane can join, and a lane that left is not recorded again") {
    Rig rig;
    const Artifact huge = {std::string(rig::kUnits) + "scratch 9000\n"};
    const rig::Engine first = rig.open(kRestore), second = rig.open(kUnits), third = rig.open(huge);
    rig::Lane a = rig.open_lane(first, kRestore, {1, 4});
    rig::Lane b = rig.open_lane(second, kUnits, {4}, &a);
    b.handle.reset();
    rig.cuda.clear_calls();
    const rig::Lane c = rig.open_lane(third, huge, {4}, &a);
    CHECK(rig.count("cuStreamBeginCapture") == 3);  // two batches of a, one of c
    rig.fill(a, 1);
    rig.fill(c, 2);
    CHECK(rig.plays(a, 1));
    CHECK(rig.plays(c, 0));
}

TEST_CASE("a peer on another device keeps its own stream and scratch block") {
    Machine machine;
    machine.devices = 2;
    Rig rig(machine);
    const rig::Engine first = rig.open(kRestore, 0), second = rig.open(kUnits, 1);
    const rig::Lane a = rig.open_lane(first, kRestore, {4});
    const rig::Lane b = rig.open_lane(second, kUnits, {4}, &a);
    CHECK(rig.cuda.live().streams == 2);
    rig.fill(a, 1);
    rig.fill(b, 2);
    CHECK(rig.plays(a, 0));
    CHECK(rig.plays(b, 0));
}

TEST_CASE("scratch memory is for the lane's batches, not for the plan's largest") {
    Rig rig;
    const rig::Engine engine = rig.open(kRestore);
    const rig::Lane lane = rig.open_lane(engine, kRestore, {1, 2});
    CHECK(rig.cuda.device_bytes() == 2000 + kSlack);
}

TEST_CASE("where TensorRT does not say what a shape needs, the plan's largest is taken") {
    Rig rig;
    const rig::Engine engine = rig.open(kUnits);
    rig.nvinfer.fail_call(6);  // context, shape, three addresses, size
    const rig::Lane lane = rig.open_lane(engine, kUnits, {1});
    CHECK(rig.cuda.device_bytes() == kLarger + kSlack);
}

TEST_CASE("a plan without scratch memory needs no block") {
    Rig rig;
    const Artifact artifact = {std::string(rig::kRestore) + "scratch 0\n"};
    const rig::Engine engine = rig.open(artifact);
    const rig::Lane lane = rig.open_lane(engine, artifact, {2});
    rig.fill(lane, 1);
    CHECK(rig.plays(lane, 0));
    CHECK(rig.cuda.live().device_blocks == 0);
}
