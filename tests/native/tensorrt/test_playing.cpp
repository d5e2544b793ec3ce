// Lanes on stand-ins: right outputs, recorded graphs, and which memory is used.
#include "rig.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <thread>

using rig::Artifact;
using rig::Rig;
using standin::Machine;

namespace {

std::atomic<standin::Cuda*> counted{nullptr};
std::atomic<int> allocations{0};

// Valgrind brings an operator new of its own, past which none of ours is called.
bool under_valgrind() {
    const char* preloaded = std::getenv("LD_PRELOAD");
    return preloaded && std::strstr(preloaded, "vgpreload");
}

// A board that shares its memory with the GPU, and a machine with a graphics card.
Machine board() { return {}; }
Machine card() {
    Machine machine;
    machine.integrated = false;
    return machine;
}
Machine deferred(Machine machine) {
    machine.deferred = true;
    return machine;
}

const Artifact kUncapturable = {std::string(rig::kRestore) + "uncapturable\n"};

}  // namespace

// Counts what the plug-in allocates, without what the stand-ins do.
void* operator new(size_t bytes) {
    standin::Cuda* cuda = counted;
    if (cuda && !cuda->inside()) ++allocations;
    if (void* memory = std::malloc(bytes)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

TEST_CASE("every batch size gives the plan's outputs, frame after frame") {
    for (const Machine& machine : {board(), card(), deferred(board()), deferred(card())}) {
        Rig rig(machine);
        for (const Artifact& artifact : {Artifact(), Artifact{rig::kUnits}, kUncapturable}) {
            const rig::Engine engine = rig.open(artifact);
            REQUIRE_MESSAGE(engine, rig.text());
            const rig::Lane lane = rig.open_lane(engine, artifact, {1, 2, 3, 4});
            REQUIRE_MESSAGE(lane.handle, rig.text());
            for (unsigned frame = 0; frame < 12; ++frame) {
                rig.fill(lane, frame);
                CHECK_MESSAGE(rig.plays(lane, frame * 7 % 4), rig.text());
            }
        }
    }
}

TEST_CASE("frames replay one recorded graph") {
    for (const Machine& machine : {board(), card()}) {
        Rig rig(machine);
        const rig::Engine engine = rig.open();
        const rig::Lane lane = rig.open_lane(engine, {}, {1, 4});
        rig.fill(lane, 1);
        for (size_t batch : {0, 1, 0}) {
            rig.cuda.clear_calls();
            CHECK(rig.plays(lane, batch));
            CHECK(rig.cuda.calls() ==
                  std::vector<std::string>{"cuCtxPushCurrent", "cuGraphLaunch", "cuEventRecord",
                                           "cuCtxPopCurrent", "cuCtxPushCurrent",
                                           "cuEventSynchronize", "cuCtxPopCurrent"});
        }
    }
}

TEST_CASE("a batch is enqueued once outside of a recording before it is recorded") {
    Rig rig;
    const rig::Engine engine = rig.open();
    rig.cuda.clear_calls();
    const rig::Lane lane = rig.open_lane(engine, {}, {1, 4});
    std::vector<std::string> order;
    for (const std::string& call : rig.cuda.calls())
        if (call == "cuStreamSynchronize" || call.find("Capture") != std::string::npos)
            order.push_back(call);
    const std::vector<std::string> each = {"cuStreamSynchronize", "cuStreamBeginCapture",
                                           "cuStreamEndCapture"};
    std::vector<std::string> both = each;
    both.insert(both.end(), each.begin(), each.end());
    CHECK(order == both);
    CHECK(rig.nvinfer.enqueues() == 2);
}

TEST_CASE("a plan that cannot be recorded is enqueued for every frame, and the log says so once") {
    Rig rig(card());
    const rig::Engine engine = rig.open(kUncapturable);
    const rig::Lane lane = rig.open_lane(engine, kUncapturable, {1, 2, 4});
    int said = 0;
    for (const std::string& line : rig::take_log())
        said += line.find("recording a CUDA graph failed") == 0;
    CHECK(said == 1);
    rig.fill(lane, 1);
    const int before = rig.nvinfer.enqueues();
    rig.cuda.clear_calls();
    CHECK(rig.plays(lane, 2));
    CHECK(rig.nvinfer.enqueues() == before + 1);
    // All tensors of a direction in one copy.
    CHECK(rig.count("cuMemcpyHtoDAsync") == 1);
    CHECK(rig.count("cuMemcpyDtoHAsync") == 1);
}

TEST_CASE("where host and device share memory nothing is copied and inputs need no device memory") {
    Rig rig(board());
    const rig::Engine engine = rig.open(kUncapturable);
    const rig::Lane lane = rig.open_lane(engine, kUncapturable, {1, 2});
    rig.fill(lane, 3);
    CHECK(rig.plays(lane, 1));
    CHECK(rig.count("cuMemcpyHtoDAsync") + rig.count("cuMemcpyDtoHAsync") == 0);
    CHECK(rig.cuda.live().device_blocks == 1);  // scratch
    CHECK(rig.cuda.live().host_blocks == 2);
}

TEST_CASE("a board that cannot map host memory copies") {
    Machine machine = board();
    machine.maps_host_memory = false;
    Rig rig(machine);
    const rig::Engine engine = rig.open();
    const rig::Lane lane = rig.open_lane(engine, {}, {1, 2});
    rig.fill(lane, 3);
    CHECK(rig.plays(lane, 1));
    CHECK(rig.cuda.live().device_blocks == 3);
}

TEST_CASE("buffers lie on multiples of 256 bytes and device outputs hold what the host sees") {
    for (const Machine& machine : {board(), card()}) {
        Rig rig(machine);
        const rig::Engine engine = rig.open();
        const rig::Lane lane = rig.open_lane(engine, {}, {3});
        rig.fill(lane, 5);
        REQUIRE(rig.plays(lane, 0));
        for (size_t i = 0; i < 2; ++i) {
            CHECK(reinterpret_cast<uintptr_t>(lane.buffers.inputs[i]) % 256 == 0);
            CHECK(reinterpret_cast<uintptr_t>(lane.buffers.outputs[i]) % 256 == 0);
            const auto address = reinterpret_cast<CUdeviceptr>(lane.buffers.device_outputs[i]);
            const size_t bytes = 3 * lane.plan.tensors[2 + i].row_bytes();
            const unsigned char* device = rig.cuda.memory(address, bytes);
            REQUIRE(device);
            const auto* host = static_cast<const unsigned char*>(lane.buffers.outputs[i]);
            CHECK(std::equal(device, device + bytes, host));
        }
    }
}

TEST_CASE("inputs may be written again after inputs_wait, before the outputs are there") {
    for (const Machine& machine : {deferred(board()), deferred(card())}) {
        for (const Artifact& artifact : {Artifact(), kUncapturable}) {
            Rig rig(machine);
            const rig::Engine engine = rig.open(artifact);
            const rig::Lane lane = rig.open_lane(engine, artifact, {1, 2});
            for (unsigned frame = 0; frame < 3; ++frame) {
                rig.fill(lane, frame);
                const auto wanted = rig.expected(lane, 1);
                REQUIRE(rig.enqueue(lane, 1));
                REQUIRE(rig.table.inputs_wait(lane.handle.get(), &rig.error) == FACEDGE_OK);
                // On a board, a graph reads its inputs to its end.
                const bool recorded_on_board = machine.integrated && &artifact != &kUncapturable &&
                                               artifact.plan == rig::kRestore;
                CHECK(rig.outputs_are(lane, wanted) == recorded_on_board);
                rig.fill(lane, 100 + frame);
                REQUIRE(rig.wait(lane));
                CHECK(rig.outputs_are(lane, wanted));
            }
        }
    }
}

TEST_CASE("a frame allocates nothing" * doctest::skip(under_valgrind())) {
    for (const Artifact& artifact : {Artifact(), kUncapturable}) {
        Rig rig(card());
        const rig::Engine engine = rig.open(artifact);
        const rig::Lane lane = rig.open_lane(engine, artifact, {1, 2});
        rig.fill(lane, 1);
        allocations = 0;
        counted = &rig.cuda;
        int* volatile kept = new int;  // volatile: an unused pair would be optimised away
        delete kept;
        const int noticed = allocations.exchange(0);
        const bool played = rig.enqueue(lane, 1) && rig.wait(lane) &&
                            rig.table.inputs_wait(lane.handle.get(), &rig.error) == FACEDGE_OK;
        counted = nullptr;
        CHECK(noticed == 1);
        CHECK(played);
        CHECK(allocations == 0);
    }
}

TEST_CASE("lanes of one engine open and play on several threads at once") {
    Rig rig(card());
    const rig::Engine engine = rig.open();
    std::atomic<int> right{0};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            const rig::Lane lane = rig.open_lane(engine, {}, {1, 3});
            for (unsigned frame = 0; frame < 20; ++frame) {
                rig.fill(lane, t * 1000 + frame);
                const auto wanted = rig.expected(lane, frame % 2);
                right +=
                    rig.enqueue(lane, frame % 2) && rig.wait(lane) && rig.outputs_are(lane, wanted);
            }
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(right == 80);
}
