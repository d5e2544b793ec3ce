// The CUDA driver's loader and its wrappers, on the stand-in.
#include "cuda/stream.hpp"
#include "standin/cuda_standin.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <thread>

using namespace facedge::cuda;

namespace {

struct Fixture {
    Fixture() : cuda(load()) { cuda.reset({}); }
    ~Fixture() {
        CHECK(cuda.violations() == std::vector<std::string>());
        CHECK(cuda.live().nothing());
    }
    static standin::Cuda& load() {
        setenv("FACEDGE_CUDA_DRIVER", CUDA_STANDIN, 1);
        void* library = dlopen(CUDA_STANDIN, RTLD_NOW | RTLD_LOCAL);
        REQUIRE(library);
        return *reinterpret_cast<standin::CudaFunction>(dlsym(library, "standin_cuda"))();
    }
    standin::Cuda& cuda;
};

template <class Work>
std::string failure(Work&& work) {
    try {
        work();
    } catch (const Failure& caught) {
        return caught.what();
    }
    return "";
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a missing driver is a sentence that says what to set") {
    setenv("FACEDGE_CUDA_DRIVER", "/nowhere/libcuda.so.1", 1);
    const std::string text = failure([] { Driver::get(); });
    CHECK(text.find("there is no CUDA driver here (/nowhere/libcuda.so.1") == 0);
    CHECK(text.find("FACEDGE_CUDA_DRIVER") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "a library that is no driver is refused by the function it lacks") {
    setenv("FACEDGE_CUDA_DRIVER", "libc.so.6", 1);
    CHECK(failure([] { Driver::get(); }) ==
          "libc.so.6 has no cuInit; expected the driver of CUDA 11.4 or later");
}

TEST_CASE_FIXTURE(Fixture, "the device's facts are those CUDA states") {
    const SharedContext context = Context::retain(0);
    CHECK(context->driver().version() == "12.6");
    CHECK(std::string(context->facts().name) == "stand-in");
    CHECK(context->facts().major == 8);
    CHECK(context->facts().minor == 7);
    CHECK(context->facts().integrated);
    CHECK(context->facts().maps_host_memory);
    CHECK(context->facts().unified_addressing);
}

TEST_CASE_FIXTURE(Fixture, "a device that is not there is refused") {
    CHECK(failure([] { Context::retain(1); }) ==
          "device is 1 and this machine has 1; expected 0 to 0");
    CHECK(failure([] { Context::retain(-1); }) ==
          "device is -1 and this machine has 1; expected 0 to 0");
}

TEST_CASE_FIXTURE(Fixture, "an error names the call and what CUDA says") {
    const SharedContext context = Context::retain(0);
    const Current current(*context);
    cuda.fail_call("cuMemAlloc", CUDA_ERROR_OUT_OF_MEMORY);
    try {
        const DeviceMemory memory(context, 100);
        FAIL("no failure");
    } catch (const Failure& caught) {
        CHECK(caught.status().code() == FACEDGE_ENOMEM);
        CHECK(caught.status().message() ==
              "CUDA call cuMemAlloc failed: out of memory (CUDA_ERROR_OUT_OF_MEMORY)");
    }
}

TEST_CASE_FIXTURE(Fixture, "memory lies on multiples of 256 bytes though CUDA's need not") {
    const SharedContext context = Context::retain(0);
    const Current current(*context);
    const DeviceMemory device(context, 100);
    const HostMemory copied(context, 100, Mapping::kNone), mapped(context, 100, Mapping::kDevice);
    CHECK(device.address() % 256 == 0);
    CHECK(reinterpret_cast<uintptr_t>(copied.data()) % 256 == 0);
    CHECK(copied.device_address() == 0);
    CHECK(mapped.device_address() % 256 == 0);
    CHECK(mapped.device_address() != 0);
    CHECK(std::string(copied.data(), copied.data() + 100) == std::string(100, '\0'));
}

TEST_CASE_FIXTURE(Fixture,
                  "a recorded graph does its copies and records its event at every launch") {
    cuda.reset([] {
        standin::Machine machine;
        machine.deferred = true;
        return machine;
    }());
    const SharedContext context = Context::retain(0);
    const Current current(*context);
    const Stream stream(context);
    const Event copied(context);
    const DeviceMemory device(context, 4);
    const HostMemory in(context, 4, Mapping::kNone), out(context, 4, Mapping::kNone);
    Recording recording(stream);
    stream.to_device(device.address(), in.data(), 4);
    stream.record_in_graph(copied);
    stream.to_host(out.data(), device.address(), 4);
    const Graph graph = recording.finish();
    for (const char* text : {"abcd", "efgh"}) {
        std::memcpy(in.data(), text, 4);
        stream.launch(graph);
        copied.wait();
        std::memset(in.data(), 0, 4);  // may be written again: it has been read
        CHECK(std::memcmp(out.data(), text, 4) != 0);
        stream.synchronize();
        CHECK(std::memcmp(out.data(), text, 4) == 0);
    }
}

TEST_CASE_FIXTURE(Fixture, "a recording that is given up leaves the stream usable") {
    const SharedContext context = Context::retain(0);
    const Current current(*context);
    const Stream stream(context);
    { const Recording recording(stream); }
    stream.synchronize();
}

TEST_CASE_FIXTURE(Fixture, "a spoilt recording is an error and not a graph") {
    const SharedContext context = Context::retain(0);
    const Current current(*context);
    const Stream stream(context);
    Recording recording(stream);
    cuda.spoil_capture(stream.get());
    CHECK(failure([&] { recording.finish(); }).find("CUDA call cuStreamEndCapture failed") == 0);
}

TEST_CASE_FIXTURE(Fixture, "objects are given back from any thread, and moved ones once") {
    const SharedContext context = Context::retain(0);
    std::unique_ptr<Stream> stream;
    std::unique_ptr<DeviceMemory> memory;
    {
        const Current current(*context);
        stream = std::make_unique<Stream>(context);
        memory = std::make_unique<DeviceMemory>(context, 10);
        *memory = DeviceMemory(context, 20);
        CHECK(cuda.live().device_blocks == 1);
    }
    CHECK(cuda.live().pushed == 0);
    std::thread([&] {
        stream.reset();
        memory.reset();
    }).join();
}

TEST_CASE_FIXTURE(Fixture, "a context is current for its scope only") {
    const SharedContext context = Context::retain(0);
    {
        const Current outer(*context), inner(*context);
        CHECK(cuda.live().pushed == 2);
    }
    CHECK(cuda.live().pushed == 0);
    cuda.fail_call("cuCtxPushCurrent");
    CHECK(failure([&] { const Current current(*context); }).find("cuCtxPushCurrent") !=
          std::string::npos);
}
