#include "engine.hpp"

namespace facedge::plugin {
namespace {

Status bind(const OpenVino& openvino, ov_infer_request_t* request, const Tensor& tensor, void* data,
            int32_t batch) {
    const OpenVinoFunctions& call = openvino.call();
    const auto check = [&](ov_status_e code) {
        return openvino.check(code, "cannot bind " + tensor.name);
    };
    std::vector<int64_t> sizes = tensor.sized(batch);
    const ov_shape_t shape = {static_cast<int64_t>(sizes.size()), sizes.data()};  // is copied
    ov_tensor_t* view = nullptr;
    if (Status status = check(call.ov_tensor_create_from_host_ptr(
            tensor.dtype == "uint8" ? U8 : F32, shape, data, &view));
        !status)
        return status;
    const auto owned = own(view, call.ov_tensor_free);  // the request keeps its own reference
    return check(call.ov_infer_request_set_tensor(request, tensor.name.c_str(), view));
}

Status make_request(facedge_engine& engine, const LaneMemory& memory, int32_t batch,
                    Handle<ov_infer_request_t>& out) {
    const OpenVino& openvino = *engine.openvino;
    const std::lock_guard<std::mutex> lock(engine.preparing);
    const ov_compiled_model_t* compiled = nullptr;
    if (Status status = engine.compiled(batch, compiled); !status) return status;
    ov_infer_request_t* request = nullptr;
    if (Status status = openvino.check(
            openvino.call().ov_compiled_model_create_infer_request(compiled, &request),
            "cannot prepare " + engine.path);
        !status)
        return status;
    out = own(request, openvino.call().ov_infer_request_free);
    for (size_t i = 0; i < engine.inputs.size(); ++i)
        if (Status status = bind(openvino, request, engine.inputs[i], memory.input(i), batch);
            !status)
            return status;
    for (size_t i = 0; i < engine.outputs.size(); ++i)
        if (Status status = bind(openvino, request, engine.outputs[i], memory.output(i), batch);
            !status)
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
    lane->requests.resize(static_cast<size_t>(settings.n_batches));
    for (size_t i = 0; i < lane->requests.size(); ++i) {
        if (Status status =
                make_request(engine, lane->memory, settings.batches[i], lane->requests[i]);
            !status)
            return status;
        if (Status status = lane->play(i); !status) return status;
    }
    out = std::move(lane);
    return {};
}

Status facedge_lane::play(size_t batch_index) {
    const OpenVino& openvino = *engine->openvino;
    const ov_status_e code = openvino.call().ov_infer_request_infer(requests[batch_index].get());
    return code == OK ? Status() : openvino.check(code, "cannot play " + engine->path);
}
