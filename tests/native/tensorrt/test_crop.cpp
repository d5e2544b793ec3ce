// Crops out of frames on the GPU, straight into a lane's first input.
#include "gpu_frame.hpp"
#include "image/image.hpp"
#include "rig.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

using namespace facedge;
using rig::Artifact;
using rig::GpuFrame;
using rig::Rig;
using standin::Machine;

namespace {

constexpr int kSide = 16;  // of the plans' pictures
constexpr size_t kCropBytes = size_t{3} * kSide * kSide;

const auto skip_without_kernels = doctest::skip(!HAS_KERNELS);

Machine machine_of(bool integrated, bool deferred) {
    Machine machine;
    machine.integrated = integrated;
    machine.deferred = deferred;
    return machine;
}

std::vector<Similarity> places(int count) {
    std::vector<Similarity> all;
    for (int i = 0; i < count; ++i) {
        const auto turn = static_cast<float>(i);
        all.push_back({{2.0f, 0.1f * turn, 3 + turn, -0.1f * turn, 2.0f, 5 + turn}});
    }
    return all;
}

facedge_crop_job job_of(const facedge_frame& frame, const std::vector<Similarity>& to_frame,
                        facedge_filter filter) {
    facedge_crop_job job = {};
    job.size = sizeof job;
    job.count = static_cast<int32_t>(to_frame.size());
    job.frame = &frame;
    job.to_frame = &to_frame[0].m;
    job.width = job.height = kSide;
    job.filter = filter;
    return job;
}

// The crops of the same frame by the host's reference.
std::vector<uint8_t> reference(const GpuFrame& frame, const std::vector<Similarity>& to_frame,
                               facedge_filter filter) {
    const facedge_frame& host = frame.host;
    const FrameView view = {static_cast<facedge_format>(host.format),
                            static_cast<facedge_matrix>(host.matrix),
                            static_cast<facedge_range>(host.range),
                            host.width,
                            host.height,
                            {host.planes[0].data, host.planes[1].data},
                            {host.planes[0].stride, host.planes[1].stride}};
    std::vector<uint8_t> crops(to_frame.size() * kCropBytes);
    for (size_t i = 0; i < to_frame.size(); ++i)
        crop_reference(view, to_frame[i], filter, kSide, kSide, crops.data() + i * kCropBytes);
    return crops;
}

// The first pixel of every 2x2 of what kRestore makes: the crops it was given.
std::vector<uint8_t> given(const rig::Lane& lane, size_t count) {
    const auto* restored = static_cast<const uint8_t*>(lane.buffers.outputs[0]);
    std::vector<uint8_t> crops;
    for (size_t i = 0; i < count; ++i)
        for (size_t y = 0; y < kSide; ++y)
            for (size_t x = 0; x < kSide; ++x) {
                const uint8_t* pixel = restored + ((i * 2 * kSide + 2 * y) * 2 * kSide + 2 * x) * 3;
                crops.insert(crops.end(), pixel, pixel + 3);
            }
    return crops;
}

// The kernel works in float32, the reference in float64: a value may round to the other side.
bool close(const std::vector<uint8_t>& a, const std::vector<uint8_t>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](int x, int y) { return std::abs(x - y) <= 1; });
}

int crop(Rig& rig, const rig::Lane& lane, const facedge_crop_job& job) {
    rig.code = rig.table.crop(lane.handle.get(), &job, &rig.error);
    return rig.code;
}

int crop_wait(Rig& rig, const rig::Lane& lane) {
    return rig.table.crop_wait(lane.handle.get(), &rig.error);
}

}  // namespace

TEST_CASE("the table has crops exactly where the kernels were compiled") {
    Rig rig;
    CHECK((rig.table.crop != nullptr) == (HAS_KERNELS != 0));
    CHECK((rig.table.crop_wait != nullptr) == (HAS_KERNELS != 0));
}

TEST_CASE("crops of frames on the GPU are those of the host" * skip_without_kernels) {
    for (bool integrated : {false, true}) {
        for (bool deferred : {false, true}) {
            for (facedge_format format :
                 {FACEDGE_FORMAT_NV12, FACEDGE_FORMAT_NV21, FACEDGE_FORMAT_YUYV,
                  FACEDGE_FORMAT_RGB24, FACEDGE_FORMAT_BGR24, FACEDGE_FORMAT_GRAY8}) {
                Rig rig(machine_of(integrated, deferred));
                const rig::Engine engine = rig.open();
                const rig::Lane lane = rig.open_lane(engine, {}, {1, 2, 4});
                GpuFrame frame(rig, format, 70, 50);
                for (facedge_filter filter : {FACEDGE_FILTER_BICUBIC, FACEDGE_FILTER_AREA}) {
                    rig.fill(lane, 1);  // garbage in host input 0, and a state
                    frame.write_later();
                    const auto to_frame = places(3);
                    const auto job = job_of(frame.gpu, to_frame, filter);
                    REQUIRE_MESSAGE(crop(rig, lane, job) == FACEDGE_OK, rig.text());
                    REQUIRE(rig.enqueue(lane, 2));
                    REQUIRE(crop_wait(rig, lane) == FACEDGE_OK);
                    frame.write(false);  // the camera has its buffer back
                    REQUIRE(rig.wait(lane));
                    CHECK(close(given(lane, 3), reference(frame, to_frame, filter)));
                }
            }
        }
    }
}

TEST_CASE("the other inputs still come from the host, and the next frame's pictures again" *
          skip_without_kernels) {
    for (bool integrated : {false, true}) {
        Rig rig(machine_of(integrated, true));
        const rig::Engine engine = rig.open();
        const rig::Lane lane = rig.open_lane(engine, {}, {2});
        GpuFrame frame(rig, FACEDGE_FORMAT_NV12, 64, 64);
        frame.write();
        const auto to_frame = places(2);
        rig.fill(lane, 5);
        REQUIRE(crop(rig, lane, job_of(frame.gpu, to_frame, FACEDGE_FILTER_AREA)) == FACEDGE_OK);
        rig.cuda.clear_calls();
        REQUIRE(rig.enqueue(lane, 0));
        REQUIRE(rig.wait(lane));
        CHECK(rig.count("cuGraphLaunch") == 1);
        // Put what was cropped into the host's input: then all outputs are those of the inputs.
        const auto crops = given(lane, 2);
        std::copy(crops.begin(), crops.end(), static_cast<uint8_t*>(lane.buffers.inputs[0]));
        CHECK(rig.outputs_are(lane, rig.expected(lane, 0)));
        rig.fill(lane, 6);
        CHECK(rig.plays(lane, 0));
    }
}

TEST_CASE("without a graph crops are used as well" * skip_without_kernels) {
    const Artifact artifact = {std::string(rig::kRestore) + "uncapturable\n"};
    Rig rig(machine_of(false, true));
    const rig::Engine engine = rig.open(artifact);
    const rig::Lane lane = rig.open_lane(engine, artifact, {2});
    GpuFrame frame(rig, FACEDGE_FORMAT_NV12, 64, 64);
    frame.write();
    const auto to_frame = places(2);
    rig.fill(lane, 5);
    REQUIRE(crop(rig, lane, job_of(frame.gpu, to_frame, FACEDGE_FILTER_AREA)) == FACEDGE_OK);
    REQUIRE(rig.enqueue(lane, 0));
    REQUIRE(rig.wait(lane));
    CHECK(close(given(lane, 2), reference(frame, to_frame, FACEDGE_FILTER_AREA)));
}

TEST_CASE("more faces than one launch takes are several launches" * skip_without_kernels) {
    Artifact artifact = {std::string(rig::kRestore) + "max_batch 70\n"};
    artifact.max_batch = 70;
    Rig rig(machine_of(false, false));
    const rig::Engine engine = rig.open(artifact);
    const rig::Lane lane = rig.open_lane(engine, artifact, {70});
    GpuFrame frame(rig, FACEDGE_FORMAT_RGB24, 120, 90);
    frame.write();
    const auto to_frame = places(70);
    rig.cuda.clear_calls();
    REQUIRE(crop(rig, lane, job_of(frame.gpu, to_frame, FACEDGE_FILTER_AREA)) == FACEDGE_OK);
    CHECK(rig.count("cuLaunchKernel") == 3);
    REQUIRE(rig.enqueue(lane, 0));
    REQUIRE(rig.wait(lane));
    CHECK(close(given(lane, 70), reference(frame, to_frame, FACEDGE_FILTER_AREA)));
}

TEST_CASE("crops that are taken back or fail are not used by a later enqueue" *
          skip_without_kernels) {
    for (bool integrated : {false, true}) {
        Rig rig(machine_of(integrated, true));
        const rig::Engine engine = rig.open();
        const rig::Lane lane = rig.open_lane(engine, {}, {1, 2});
        GpuFrame frame(rig, FACEDGE_FORMAT_NV12, 64, 64);
        frame.write();
        const auto to_frame = places(2);
        auto job = job_of(frame.gpu, to_frame, FACEDGE_FILTER_AREA);
        REQUIRE(crop(rig, lane, job) == FACEDGE_OK);
        job.count = 0;
        REQUIRE(crop(rig, lane, job) == FACEDGE_OK);
        rig.fill(lane, 1);
        CHECK(rig.plays(lane, 1));
        job.count = 2;
        for (const char* call : {"cuLaunchKernel", "cuEventRecord"}) {
            rig.cuda.fail_call(call);
            CHECK(crop(rig, lane, job) == FACEDGE_EBACKEND);
            CHECK(rig.text().find(call) != std::string::npos);
            rig.fill(lane, 2);
            CHECK(rig.plays(lane, 1));
        }
        REQUIRE(crop(rig, lane, job) == FACEDGE_OK);
        CHECK_FALSE(rig.enqueue(lane, 7));
        REQUIRE(crop_wait(rig, lane) == FACEDGE_OK);
        rig.fill(lane, 3);
        CHECK(rig.plays(lane, 1));
    }
}

TEST_CASE("CUDA fails at any call of a cropped frame" * skip_without_kernels) {
    for (bool integrated : {false, true}) {
        Rig rig(machine_of(integrated, true));
        const rig::Engine engine = rig.open();
        const rig::Lane lane = rig.open_lane(engine, {}, {1, 2});
        GpuFrame frame(rig, FACEDGE_FORMAT_NV12, 64, 64);
        const auto to_frame = places(2);
        const auto wanted = reference(frame, to_frame, FACEDGE_FILTER_AREA);
        auto job = job_of(frame.gpu, to_frame, FACEDGE_FILTER_AREA);
        int n = 0;
        for (bool failed = true; failed;) {
            REQUIRE(++n < 100);
            rig.fill(lane, static_cast<unsigned>(n));
            frame.write_later();
            job.frame = &frame.gpu;
            rig.cuda.fail_call(n);
            rig.error.text[0] = '\0';
            const bool good = crop(rig, lane, job) == FACEDGE_OK && rig.enqueue(lane, 1) &&
                              crop_wait(rig, lane) == FACEDGE_OK && rig.wait(lane);
            failed = !rig.cuda.failure_pending();
            CHECK(good != failed);
            CHECK(good == rig.text().empty());
            if (good) CHECK(close(given(lane, 2), wanted));
            rig.cuda.fail_call(0);
            job.count = 0;
            CHECK(crop(rig, lane, job) == FACEDGE_OK);
            job.count = 2;
            rig.fill(lane, static_cast<unsigned>(100 + n));
            CHECK(rig.plays(lane, 1));
        }
        CHECK(n > 6);
    }
}

TEST_CASE("jobs that cannot be right are refused" * skip_without_kernels) {
    Rig rig;
    const rig::Engine engine = rig.open();
    const rig::Lane lane = rig.open_lane(engine, {}, {1, 2});
    GpuFrame frame(rig, FACEDGE_FORMAT_NV12, 64, 64);
    frame.write();
    const auto to_frame = places(3);
    const auto good = job_of(frame.gpu, to_frame, FACEDGE_FILTER_AREA);
    const auto refused = [&](auto change) {
        auto job = good;
        change(job);
        CHECK(crop(rig, lane, job) < 0);
        return rig.text();
    };
    CHECK(refused([](auto&) {}) == "there are 3 crops and the lane holds 2");
    CHECK(refused([](auto& job) { job.count = -1; }) == "there are -1 crops and the lane holds 2");
    CHECK(refused([](auto& job) { job.count = 1, job.width = 32; }) ==
          "crops are 32x16 and the model takes 16x16");
    CHECK(refused([](auto& job) { job.count = 1, job.filter = 9; }) ==
          "crop filter is 9; expected one of facedge_filter");
    CHECK(refused([&](auto& job) { job.count = 1, job.frame = &frame.host; }) ==
          "the crop kernel reads frames of FACEDGE_MEMORY_CUDA and this one has memory 1");
    CHECK(refused([](auto& job) { job.size = 8; }).find("facedge_crop_job has 8 bytes") == 0);
    CHECK(rig.code == FACEDGE_EVERSION);
}

TEST_CASE("a device that the kernels were not compiled for plays frames of the host" *
          skip_without_kernels) {
    Machine machine;
    machine.load_module = CUDA_ERROR_NO_BINARY_FOR_GPU;
    Rig rig(machine);
    const rig::Engine engine = rig.open();
    const auto log = rig::take_log();
    CHECK(std::any_of(log.begin(), log.end(), [](const std::string& line) {
        return line.find("frames on the GPU cannot be cropped there") == 0;
    }));
    const rig::Lane lane = rig.open_lane(engine, {}, {1});
    GpuFrame frame(rig, FACEDGE_FORMAT_NV12, 64, 64);
    const auto to_frame = places(1);
    CHECK(crop(rig, lane, job_of(frame.gpu, to_frame, FACEDGE_FILTER_AREA)) == FACEDGE_EBACKEND);
    CHECK(rig.text().find("there is no crop kernel for this device") == 0);
    rig.fill(lane, 1);
    CHECK(rig.plays(lane, 0));
}
