#include "engine.hpp"

namespace facedge::plugin {
namespace {

ONNXTensorElementDataType element_type(const Tensor& tensor) {
    return tensor.dtype == "uint8" ? ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8
                                   : ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
}

Status bind_batch(const facedge_engine& engine, const LaneMemory& memory, int32_t batch,
                  facedge_lane::Binding& out) {
    const OrtApi& api = *engine.runtime.api;
    const auto check = [&](OrtStatus* status) {
        return engine.runtime.check(status, "cannot bind a batch of " + std::to_string(batch));
    };
    OrtIoBinding* binding = nullptr;
    if (Status status = check(api.CreateIoBinding(engine.session.get(), &binding)); !status)
        return status;
    out.binding = own(binding, api.ReleaseIoBinding);

    const auto bind = [&](const Tensor& tensor, void* data, decltype(OrtApi::BindInput) function) {
        const std::vector<int64_t> shape = tensor.sized(batch);
        const size_t bytes = tensor.row_bytes() * static_cast<size_t>(batch);
        OrtValue* value = nullptr;
        OrtStatus* failure =
            api.CreateTensorWithDataAsOrtValue(engine.cpu.get(), data, bytes, shape.data(),
                                               shape.size(), element_type(tensor), &value);
        if (failure) return check(failure);
        out.values.push_back(own(value, api.ReleaseValue));
        return check(function(binding, tensor.name.c_str(), value));
    };
    for (size_t i = 0; i < engine.inputs.size(); ++i)
        if (Status status = bind(engine.inputs[i], memory.input(i), api.BindInput); !status)
            return status;
    for (size_t i = 0; i < engine.outputs.size(); ++i)
        if (Status status = bind(engine.outputs[i], memory.output(i), api.BindOutput); !status)
            return status;
    return {};
}

}  // namespace
}  // namespace facedge::plugin

using namespace facedge::plugin;
using facedge::Status;

Status facedge_lane::open(facedge_engine& engine, const facedge_lane_settings& settings,
                          std::unique_ptr<facedge_lane>& out) {
    if (Status status = check_batches(settings, engine.max_batch, engine.path); !status)
        return status;
    auto lane = std::make_unique<facedge_lane>();
    lane->engine = &engine;
    const int32_t largest = settings.batches[settings.n_batches - 1];
    if (Status status = LaneMemory::allocate(engine.inputs, engine.outputs, largest, lane->memory);
        !status)
        return status;
    const OrtApi& api = *engine.runtime.api;
    OrtRunOptions* options = nullptr;
    if (Status status = engine.runtime.check(api.CreateRunOptions(&options), "refuses to run");
        !status)
        return status;
    lane->options = own(options, api.ReleaseRunOptions);
    lane->bindings.resize(static_cast<size_t>(settings.n_batches));
    for (size_t i = 0; i < lane->bindings.size(); ++i) {
        if (Status status =
                bind_batch(engine, lane->memory, settings.batches[i], lane->bindings[i]);
            !status)
            return status;
        if (Status status = lane->play(i); !status) return status;
    }
    out = std::move(lane);
    return {};
}

Status facedge_lane::play(size_t batch_index) {
    const OnnxRuntime& runtime = engine->runtime;
    OrtStatus* failure = runtime.api->RunWithBinding(engine->session.get(), options.get(),
                                                     bindings[batch_index].binding.get());
    return failure ? runtime.check(failure, "cannot play " + engine->path) : Status();
}
