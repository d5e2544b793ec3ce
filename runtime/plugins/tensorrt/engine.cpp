#include "engine.hpp"

#include "logger.hpp"
#include "plan.hpp"

#include <map>

namespace facedge::tensorrt {
namespace {

using cuda::Failure;
using plugin::Tensor;

const char* dtype_name(nvinfer1::DataType type) {
    switch (type) {
        case nvinfer1::DataType::kUINT8: return "uint8";
        case nvinfer1::DataType::kFLOAT: return "float32";
        case nvinfer1::DataType::kHALF: return "float16";
        case nvinfer1::DataType::kINT8: return "int8";
        case nvinfer1::DataType::kINT32: return "int32";
        case nvinfer1::DataType::kINT64: return "int64";
        case nvinfer1::DataType::kBOOL: return "bool";
        default: return "another type";
    }
}

// Name -> such as "uint8 input".
using Tensors = std::map<std::string, std::string>;

Tensors tensors_of(const nvinfer1::ICudaEngine& engine) {
    Tensors found;
    for (int32_t i = 0; i < engine.getNbIOTensors(); ++i) {
        const char* name = engine.getIOTensorName(i);
        const bool input = engine.getTensorIOMode(name) == nvinfer1::TensorIOMode::kINPUT;
        found[name] = std::string(dtype_name(engine.getTensorDataType(name))) +
                      (input ? " input" : " output");
    }
    return found;
}

Tensors tensors_of(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs) {
    Tensors expected;
    for (const Tensor& tensor : inputs) expected[tensor.name] = tensor.dtype + " input";
    for (const Tensor& tensor : outputs) expected[tensor.name] = tensor.dtype + " output";
    return expected;
}

std::string describe(const Tensors& tensors) {
    std::string text;
    for (const auto& [name, kind] : tensors)
        text += (text.empty() ? "" : ", ") + name + " (" + kind + ")";
    return text;
}

}  // namespace
}  // namespace facedge::tensorrt

using namespace facedge;
using namespace facedge::tensorrt;

std::unique_ptr<facedge_engine> facedge_engine::open(const facedge_artifact& artifact,
                                                     const facedge_engine_settings& settings) {
    const TensorRt library = open_tensorrt(settings.library);
    const cuda::DeviceFacts device = cuda::device_facts(settings.device);
    cuda::require(check_plan({artifact.path, artifact.version, artifact.device, artifact.rebuild},
                             library.version, device.major, device.minor));

    auto opened = std::make_unique<facedge_engine>();
    opened->path = artifact.path;
    opened->rebuild = artifact.rebuild;
    opened->max_batch = artifact.max_batch;
    opened->inputs = plugin::copy_tensors(artifact.inputs, artifact.n_inputs);
    opened->outputs = plugin::copy_tensors(artifact.outputs, artifact.n_outputs);
    opened->context = cuda::Context::retain(settings.device);
    const cuda::Current current(*opened->context);
    take_errors();
    opened->runtime = library.runtime();
    // The host has compared the plan with its hash.
    if (carries_host_code(artifact.version)) opened->runtime->setEngineHostCodeAllowed(true);
    opened->engine.reset(opened->runtime->deserializeCudaEngine(artifact.data, artifact.bytes));
    if (!opened->engine)
        throw Failure(FACEDGE_EPLAN, opened->path + " does not load (" + take_errors() +
                                         "); build it here with: " + opened->rebuild);
    const Tensors found = tensors_of(*opened->engine);
    const Tensors expected = tensors_of(opened->inputs, opened->outputs);
    if (found != expected)
        throw Failure(FACEDGE_EBUNDLE, opened->path + " has tensors " + describe(found) +
                                           ", expected " + describe(expected) +
                                           "; build it with: " + opened->rebuild);
    opened->crop = Crop(opened->context, opened->inputs);
    return opened;
}

facedge_engine::~facedge_engine() {
    if (!context) return;
    const cuda::Current current(*context, std::nothrow);
    engine.reset();
    runtime.reset();
}

void facedge_engine::say_no_graph(const std::string& why) {
    if (said_no_graph_.exchange(true)) return;
    tensorrt::log(FACEDGE_LOG_INFO,
                  "recording a CUDA graph failed (" + why + "); each frame is enqueued");
}
