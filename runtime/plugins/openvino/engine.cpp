#include "engine.hpp"

#include "graph.hpp"

using namespace facedge::plugin;
using facedge::Status;

Status facedge_engine::open(const facedge_backend_host&, const facedge_artifact& artifact,
                            const facedge_engine_settings& settings,
                            std::unique_ptr<facedge_engine>& out) {
    auto engine = std::make_unique<facedge_engine>();
    engine->path = artifact.path;
    engine->max_batch = artifact.max_batch;
    engine->threads = settings.threads;
    engine->inputs = copy_tensors(artifact.inputs, artifact.n_inputs);
    engine->outputs = copy_tensors(artifact.outputs, artifact.n_outputs);
    const char* data = static_cast<const char*>(artifact.data);
    engine->onnx_.assign(data, data + artifact.bytes);
    if (Status status = OpenVino::open(settings.library, engine->openvino); !status) return status;
    Handle<ov_model_t> model;
    if (Status status = read_model(*engine->openvino, engine->onnx_, engine->path, model); !status)
        return status;
    if (Status status = check_model(*engine->openvino, model.get(), engine->path, engine->inputs,
                                    engine->outputs);
        !status)
        return status;
    out = std::move(engine);
    return {};
}

Status facedge_engine::compiled(int32_t batch, const ov_compiled_model_t*& out) {
    auto found = compiled_.find(batch);
    if (found == compiled_.end()) {
        Handle<ov_model_t> model;
        Handle<ov_compiled_model_t> made;
        if (Status status = read_model(*openvino, onnx_, path, model); !status) return status;
        if (Status status =
                compile_model(*openvino, model.get(), path, inputs, batch, threads, made);
            !status)
            return status;
        found = compiled_.emplace(batch, std::move(made)).first;
    }
    out = found->second.get();
    return {};
}
