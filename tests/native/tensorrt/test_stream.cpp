// A stream of libfacedge over the plug-in and the stand-ins, with frames in host and GPU memory.
#include "gpu_frame.hpp"
#include "plugins/fake_bundle.hpp"

#include <doctest/doctest.h>
#include <facedge/facedge_cuda.h>

#include <cmath>
#include <cstdlib>
#include <cstring>

using rig::GpuFrame;
using rig::Rig;
using standin::Machine;

namespace {

const auto skip_without_kernels = doctest::skip(!HAS_KERNELS);

const char* const kRestore = "standin-plan\n"
                             "input images uint8 16 16 3\n"
                             "input state_in float32 1 16 16\n"
                             "output restored uint8 32 32 3\n"
                             "output state_out float32 1 16 16\n"
                             "max_batch 4\n"
                             "scratch 1000\n";
const char* const kUnits = "standin-plan\n"
                           "input images uint8 22 22 3\n"
                           "output probabilities float32 12\n"
                           "output landmarks float32 49 2\n"
                           "max_batch 4\n"
                           "scratch 3000\n";

struct Close {
    void operator()(facedge_model* model) const { facedge_model_close(&model); }
    void operator()(facedge_stream* stream) const { facedge_stream_close(&stream); }
};
using Model = std::unique_ptr<facedge_model, Close>;
using Stream = std::unique_ptr<facedge_stream, Close>;

Model open_model(Rig& rig, fake::BundleSpec spec, const char* plan) {
    spec.plans = {fake::Plan{"tensorrt", plan, 4, rig.available(), "sm_87"}};
    spec.preferred = "tensorrt";
    const fake::TemporaryFolder folder;
    fake::write_bundle(folder / "bundle", spec);
    facedge_model_settings settings;
    facedge_model_settings_default(&settings);
    settings.plugin_dir = TENSORRT_PLUGIN_DIR;
    facedge_model* model = nullptr;
    const int code = facedge_model_open(&model, (folder / "bundle").c_str(), &settings);
    INFO(std::string(facedge_last_error()));
    REQUIRE(code == FACEDGE_OK);
    return Model(model);
}

// Both models and a stream on them.
struct Both {
    explicit Both(Rig& rig, facedge_mode mode = FACEDGE_MODE_INLINE, int32_t depth = 2)
        : sr(open_model(rig, fake::super_resolution("", 1), kRestore)),
          au(open_model(rig, fake::action_units(), kUnits)) {
        facedge_stream_settings settings;
        facedge_stream_settings_default(&settings);
        settings.sr = sr.get();
        settings.au = au.get();
        settings.mode = mode;
        settings.depth = depth;
        facedge_stream* opened = nullptr;
        const int code = facedge_stream_open(&opened, &settings);
        INFO(std::string(facedge_last_error()));
        REQUIRE(code == FACEDGE_OK);
        stream.reset(opened);
    }
    Model sr, au;
    Stream stream;
};

facedge_roi face(uint64_t track, float x, float y) {
    facedge_roi roi = {};
    roi.track = track;
    roi.kind = FACEDGE_ROI_BOX;
    roi.box[0] = x;
    roi.box[1] = y;
    roi.box[2] = roi.box[3] = 24;
    return roi;
}
const facedge_roi kFaces[3] = {face(1, 8, 8), face(2, 30, 12), face(3, 20, 20)};

// What a result holds, copied: the faces' restored pictures, then their probabilities.
struct Seen {
    int32_t status = FACEDGE_OK;
    std::string message;
    std::vector<int> pixels;
    std::vector<float> probabilities;
};

Seen play(const Both& both, const facedge_frame& frame, size_t faces) {
    const int code = facedge_submit(both.stream.get(), &frame, kFaces, faces);
    INFO(std::string(facedge_last_error()));
    REQUIRE(code == FACEDGE_OK);
    REQUIRE(facedge_wait(both.stream.get(), 10000) == FACEDGE_OK);
    facedge_result result = {};
    result.struct_size = sizeof result;
    REQUIRE(facedge_poll(both.stream.get(), &result) == FACEDGE_OK);
    Seen seen = {result.status, result.message, {}, {}};
    for (size_t i = 0; i < result.n_faces; ++i) {
        const facedge_face& found = result.faces[i];
        seen.pixels.insert(seen.pixels.end(), found.restored, found.restored + 3 * 32 * 32);
        seen.probabilities.insert(seen.probabilities.end(), found.probabilities,
                                  found.probabilities + FACEDGE_ACTION_UNITS);
    }
    return seen;
}

// The kernel computes in float32 and the host in fixed point: a grey level per value of a picture,
// and as many in the sum of 22 x 22 x 3 values that the stand-in makes of it.
bool alike(const Seen& a, const Seen& b) {
    bool same = a.status == FACEDGE_OK && b.status == FACEDGE_OK &&
                a.pixels.size() == b.pixels.size() && !a.pixels.empty();
    for (size_t i = 0; same && i < a.pixels.size(); ++i)
        same = std::abs(a.pixels[i] - b.pixels[i]) <= 1;
    for (size_t i = 0; same && i < a.probabilities.size(); ++i)
        same = std::abs(a.probabilities[i] - b.probabilities[i]) <= 22 * 22 * 3;
    return same;
}

void count_release(void* user) { ++*static_cast<int*>(user); }

}  // namespace

TEST_CASE("a stream takes frames on the GPU exactly where the kernels were compiled") {
    Rig rig;
    const Both both(rig);
    CHECK(facedge_stream_takes_cuda(both.stream.get()) == HAS_KERNELS);
}

TEST_CASE("all lanes of a stream share one CUDA stream and one scratch block") {
    Rig rig;
    const Both both(rig);
    CHECK(rig.cuda.live().streams == 1);
    CHECK(rig.cuda.live().device_blocks == 1);
}

TEST_CASE("frames on the GPU give what frames in host memory give" * skip_without_kernels) {
    for (bool integrated : {false, true}) {
        for (facedge_mode mode : {FACEDGE_MODE_INLINE, FACEDGE_MODE_WORKER}) {
            Machine machine;
            machine.integrated = integrated;
            machine.deferred = true;
            Rig rig(machine);
            GpuFrame frame(rig, FACEDGE_FORMAT_NV12, 90, 60);
            const Both host(rig, mode), gpu(rig, mode);
            int released = 0;
            frame.gpu.release = count_release;
            frame.gpu.user = &released;
            for (int i = 0; i < 8; ++i) {
                const size_t faces = static_cast<size_t>(i) % 3 + 1;
                frame.write_later();
                const Seen on_gpu = play(gpu, frame.gpu, faces);
                CHECK(released == i + 1);
                CHECK(alike(on_gpu, play(host, frame.host, faces)));
                frame.write(false);
            }
        }
    }
}

TEST_CASE("a stream takes frames of both kinds in turn" * skip_without_kernels) {
    for (bool integrated : {false, true}) {
        Machine machine;
        machine.integrated = integrated;
        machine.deferred = true;
        Rig rig(machine);
        GpuFrame frame(rig, FACEDGE_FORMAT_NV12, 90, 60), other(rig, FACEDGE_FORMAT_RGB24, 90, 60);
        frame.write();
        const Both both(rig), host(rig);
        for (int i = 0; i < 12; ++i) {
            const bool first = i % 3 != 0;
            const facedge_frame& wanted = first ? frame.host : other.host;
            CHECK(alike(play(both, first ? frame.gpu : other.host, 2), play(host, wanted, 2)));
        }
    }
}

TEST_CASE("a result's device address holds the restored faces") {
    for (bool integrated : {false, true}) {
        Machine machine;
        machine.integrated = integrated;
        Rig rig(machine);
        GpuFrame frame(rig, FACEDGE_FORMAT_RGB24, 90, 60);
        const Both both(rig);
        REQUIRE(facedge_submit(both.stream.get(), &frame.host, kFaces, 3) == FACEDGE_OK);
        facedge_result result = {};
        result.struct_size = sizeof result;
        REQUIRE(facedge_poll(both.stream.get(), &result) == FACEDGE_OK);
        const void* address = nullptr;
        REQUIRE(facedge_result_cuda(both.stream.get(), &result, &address) == FACEDGE_OK);
        const size_t bytes = 3 * 3 * 32 * 32;
        const unsigned char* device =
            rig.cuda.memory(reinterpret_cast<CUdeviceptr>(address), bytes);
        REQUIRE(device);
        CHECK(std::memcmp(device, result.faces[0].restored, bytes) == 0);
    }
}

TEST_CASE("when a frame on the GPU fails midway, later frames of either kind are right" *
          skip_without_kernels) {
    for (bool integrated : {false, true}) {
        for (const char* call : {"cuLaunchKernel", "cuGraphLaunch", "cuEventSynchronize"}) {
            CAPTURE(std::string(call));
            Machine machine;
            machine.integrated = integrated;
            machine.deferred = true;
            Rig rig(machine);
            GpuFrame frame(rig, FACEDGE_FORMAT_NV12, 90, 60);
            GpuFrame other(rig, FACEDGE_FORMAT_RGB24, 90, 60);
            frame.write();
            const Both both(rig, FACEDGE_MODE_INLINE, 1), host(rig);
            rig.cuda.fail_call(call);
            const Seen failed = play(both, frame.gpu, 2);
            CHECK(failed.status == FACEDGE_EBACKEND);
            CHECK(failed.message.find(call) != std::string::npos);
            // Every second frame has the lanes of the failed one. The first begins with fresh
            // states, as the other stream's first does.
            for (int i = 0; i < 4; ++i)
                CHECK(alike(play(both, i % 2 ? other.host : frame.gpu, 2),
                            play(host, i % 2 ? other.host : frame.host, 2)));
        }
    }
}
