#include "rig.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <mutex>
#include <random>

namespace rig {

const char* const kRestore = "standin-plan\n"
                             "input images uint8 16 16 3\n"
                             "input state_in float32 2 4 4\n"
                             "output restored uint8 32 32 3\n"
                             "output state_out float32 2 4 4\n"
                             "max_batch 4\n"
                             "scratch 1000\n";
const char* const kUnits = "standin-plan\n"
                           "input images uint8 16 16 3\n"
                           "output probabilities float32 12\n"
                           "output landmarks float32 49 2\n"
                           "max_batch 4\n"
                           "scratch 3000\n";

namespace {

std::mutex log_mutex;
std::vector<std::string> log_lines;

void keep(facedge_log_level, const char* text) {
    const std::lock_guard<std::mutex> lock(log_mutex);
    log_lines.push_back(text);
}

const facedge_backend_host host = {sizeof(facedge_backend_host), keep};

template <class Function>
Function load(const char* file, const char* name) {
    void* library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    REQUIRE_MESSAGE(library, dlerror());
    void* found = dlsym(library, name);
    REQUIRE(found);
    return reinterpret_cast<Function>(found);
}

const facedge_backend_table& load_table() {
    const auto* table =
        load<facedge_backend_function>(TENSORRT_PLUGIN, "facedge_backend")(FACEDGE_BACKEND_ABI);
    REQUIRE(table);
    return *table;
}

// The stand-in of TensorRT finds the one of CUDA through the environment, as the plug-in does.
standin::Cuda& load_cuda() {
    setenv("FACEDGE_CUDA_DRIVER", CUDA_STANDIN, 1);
    setenv("FACEDGE_TENSORRT", NVINFER_STANDIN, 1);
    return *load<standin::CudaFunction>(CUDA_STANDIN, "standin_cuda")();
}

standin::Plan parse(const std::string& text) {
    standin::Plan plan;
    standin::parse_plan(text, plan);
    return plan;
}

}  // namespace

std::vector<std::string> take_log() {
    const std::lock_guard<std::mutex> lock(log_mutex);
    std::vector<std::string> lines;
    lines.swap(log_lines);
    return lines;
}

thread_local facedge_error Rig::error = {};
thread_local int Rig::code = FACEDGE_OK;

void EngineCloser::operator()(facedge_engine* engine) const { load_table().engine_close(engine); }
void LaneCloser::operator()(facedge_lane* lane) const { load_table().lane_close(lane); }

Rig::Rig(const standin::Machine& machine, int tensorrt_version)
    : table(load_table()), cuda(load_cuda()),
      nvinfer(*load<standin::NvInferFunction>(NVINFER_STANDIN, "standin_nvinfer")()) {
    cuda.reset(machine);
    nvinfer.reset(tensorrt_version);
    take_log();
}

Rig::~Rig() {
    std::string broken;
    for (const std::string& rule : cuda.violations()) broken += rule + "\n";
    CHECK_MESSAGE(broken.empty(), broken);
    CHECK(cuda.live().nothing());
    CHECK(nvinfer.live() == 0);
    CHECK(nvinfer.loggers() <= 1);
}

std::string Rig::available(const char* library) {
    char version[32] = "";
    code = table.available(&host, library, version, sizeof version, &error);
    return version;
}

Engine Rig::open(const Artifact& artifact, int32_t device, const char* library) {
    std::vector<facedge_tensor_info> inputs, outputs;
    const standin::Plan plan = parse(artifact.declared.empty() ? artifact.plan : artifact.declared);
    for (const standin::PlanTensor& tensor : plan.tensors) {
        facedge_tensor_info info = {};
        info.name = tensor.name.c_str();
        info.dtype = tensor.pictures ? FACEDGE_UINT8 : FACEDGE_FLOAT32;
        info.shape[info.rank++] = -1;
        for (int64_t size : tensor.sizes) info.shape[info.rank++] = size;
        (tensor.input ? inputs : outputs).push_back(info);
    }
    const std::string installed = available();
    facedge_artifact given = {};
    given.size = sizeof given;
    given.max_batch = artifact.max_batch;
    given.path = "b/engines/t.plan";
    given.rebuild = "facedge engine b --backend tensorrt";
    given.version = artifact.version.empty() ? installed.c_str() : artifact.version.c_str();
    given.device = artifact.device.c_str();
    given.data = artifact.plan.data();
    given.bytes = artifact.plan.size();
    given.inputs = inputs.data();
    given.outputs = outputs.data();
    given.n_inputs = static_cast<int32_t>(inputs.size());
    given.n_outputs = static_cast<int32_t>(outputs.size());
    const facedge_engine_settings settings = {sizeof settings, 0, device, library};
    facedge_engine* engine = nullptr;
    code = table.engine_open(&host, &given, &settings, &engine, &error);
    CHECK((engine != nullptr) == (code == FACEDGE_OK));
    return Engine(engine);
}

Lane Rig::open_lane(const Engine& engine, const Artifact& artifact, std::vector<int32_t> batches,
                    const Lane* peer) {
    REQUIRE(engine);
    Lane lane;
    lane.batches = std::move(batches);
    lane.plan = parse(artifact.plan);
    const facedge_lane_settings settings = {
        sizeof settings, static_cast<int32_t>(lane.batches.size()), lane.batches.data(),
        peer ? peer->handle.get() : nullptr};
    facedge_lane* handle = nullptr;
    code = table.lane_open(engine.get(), &settings, &lane.buffers, &handle, &error);
    CHECK((handle != nullptr) == (code == FACEDGE_OK));
    lane.handle.reset(handle);
    return lane;
}

void Rig::fill(const Lane& lane, unsigned seed, size_t first) {
    std::mt19937 random(seed);
    size_t index = 0;
    for (const standin::PlanTensor& tensor : lane.plan.tensors) {
        if (!tensor.input || index++ < first) continue;
        auto* data = static_cast<unsigned char*>(lane.buffers.inputs[index - 1]);
        const size_t elements = tensor.row_elements() * static_cast<size_t>(lane.batches.back());
        for (size_t i = 0; i < elements; ++i) {
            // Small whole numbers: sums of them are exact in float32.
            const unsigned value = random() % 256;
            const auto number = static_cast<float>(value);
            if (tensor.pictures) data[i] = static_cast<unsigned char>(value);
            else std::memcpy(data + i * sizeof number, &number, sizeof number);
        }
    }
}

bool Rig::enqueue(const Lane& lane, size_t batch) {
    code = table.enqueue(lane.handle.get(), static_cast<int32_t>(batch), &error);
    return code == FACEDGE_OK;
}

bool Rig::wait(const Lane& lane) {
    code = table.wait(lane.handle.get(), &error);
    return code == FACEDGE_OK;
}

std::vector<std::vector<unsigned char>> Rig::expected(const Lane& lane, size_t batch) const {
    const auto rows = static_cast<size_t>(lane.batches[batch]);
    std::vector<std::vector<unsigned char>> memory, outputs;
    std::vector<unsigned char*> tensors;
    size_t input = 0;
    for (const standin::PlanTensor& tensor : lane.plan.tensors) {
        memory.emplace_back(rows * tensor.row_bytes());
        if (tensor.input)
            std::memcpy(memory.back().data(), lane.buffers.inputs[input++], memory.back().size());
    }
    for (auto& tensor : memory) tensors.push_back(tensor.data());
    standin::compute(lane.plan, static_cast<int64_t>(rows), tensors);
    for (size_t i = input; i < memory.size(); ++i) outputs.push_back(memory[i]);
    return outputs;
}

bool Rig::outputs_are(const Lane& lane,
                      const std::vector<std::vector<unsigned char>>& wanted) const {
    for (size_t i = 0; i < wanted.size(); ++i)
        if (std::memcmp(lane.buffers.outputs[i], wanted[i].data(), wanted[i].size()) != 0)
            return false;
    return true;
}

bool Rig::plays(const Lane& lane, size_t batch) {
    const auto wanted = expected(lane, batch);
    return enqueue(lane, batch) && wait(lane) && outputs_are(lane, wanted);
}

int Rig::count(const std::string& call) const {
    const std::vector<std::string> calls = cuda.calls();
    return static_cast<int>(std::count(calls.begin(), calls.end(), call));
}

}  // namespace rig
