#include "graph.hpp"

namespace facedge::plugin {
namespace {

std::string type_name(ov_element_type_e type) {
    switch (type) {
        case U8: return "uint8";
        case F32: return "float32";
        case F16: return "float16";
        case F64: return "float64";
        case I8: return "int8";
        case I32: return "int32";
        case I64: return "int64";
        case BOOLEAN: return "bool";
        default: return "type " + std::to_string(type);
    }
}

class PartialShape {
public:
    explicit PartialShape(const OpenVino& openvino) : openvino_(openvino) {}
    PartialShape(const PartialShape&) = delete;
    PartialShape& operator=(const PartialShape&) = delete;
    ~PartialShape() { openvino_.call().ov_partial_shape_free(&shape); }

    ov_partial_shape_t shape = {};

private:
    const OpenVino& openvino_;
};

Status read_port(const OpenVino& openvino, const ov_output_const_port_t* port, Tensor& out) {
    const OpenVinoFunctions& call = openvino.call();
    PartialShape partial(openvino);
    ov_element_type_e type = F32;
    if (Status status = openvino.check(call.ov_port_get_element_type(port, &type),
                                       "does not tell the type of " + out.name);
        !status)
        return status;
    if (Status status = openvino.check(call.ov_port_get_partial_shape(port, &partial.shape),
                                       "does not tell the shape of " + out.name);
        !status)
        return status;
    out.dtype = type_name(type);
    const ov_rank_t rank = partial.shape.rank;
    for (int64_t i = 0; rank.min == rank.max && i < rank.max; ++i) {
        const ov_dimension_t size = partial.shape.dims[i];
        out.shape.push_back(size.min == size.max ? size.max : -1);
    }
    return {};
}

// Those of the manifest's tensors that the graph has, as the graph has them. They are asked for by
// name, since a tensor of OpenVINO may have several.
template <class Function>
Status find_tensors(const OpenVino& openvino, const ov_model_t* model, Function by_name,
                    const std::vector<Tensor>& manifest, std::vector<Tensor>& out) {
    for (const Tensor& tensor : manifest) {
        ov_output_const_port_t* port = nullptr;
        if (by_name(model, tensor.name.c_str(), &port) != OK) continue;
        const auto owned = own(port, openvino.call().ov_output_const_port_free);
        Tensor found;
        found.name = tensor.name;
        if (Status status = read_port(openvino, port, found); !status) return status;
        out.push_back(std::move(found));
    }
    return {};
}

// Adds the graph's inputs that none of `found` stands for, by any of their names.
Status add_other_inputs(const OpenVino& openvino, const ov_model_t* model,
                        std::vector<Tensor>& found) {
    const OpenVinoFunctions& call = openvino.call();
    const auto check = [&](ov_status_e code) {
        return openvino.check(code, "does not tell the graph's inputs");
    };
    size_t count = 0;
    if (Status status = check(call.ov_model_inputs_size(model, &count)); !status) return status;
    if (count == found.size()) return {};
    for (size_t i = 0; i < count; ++i) {
        ov_output_const_port_t* port = nullptr;
        if (Status status = check(call.ov_model_const_input_by_index(model, i, &port)); !status)
            return status;
        const auto owned = own(port, call.ov_output_const_port_free);
        char* name = nullptr;
        if (Status status = check(call.ov_port_get_any_name(port, &name)); !status) return status;
        found.push_back({name, "", {}});
        call.ov_free(name);
    }
    return {};
}

}  // namespace

Status read_model(OpenVino& openvino, const std::vector<char>& onnx, const std::string& path,
                  Handle<ov_model_t>& out) {
    ov_core_t* core = nullptr;
    if (Status status = openvino.core(core); !status) return status;
    ov_model_t* model = nullptr;
    if (Status status = openvino.check(openvino.call().ov_core_read_model_from_memory_buffer(
                                           core, onnx.data(), onnx.size(), nullptr, &model),
                                       "refuses the model " + path);
        !status)
        return status;
    out = own(model, openvino.call().ov_model_free);
    return {};
}

Status check_model(const OpenVino& openvino, const ov_model_t* model, const std::string& path,
                   const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs) {
    const OpenVinoFunctions& call = openvino.call();
    std::vector<Tensor> found_inputs, found_outputs;
    if (Status status =
            find_tensors(openvino, model, call.ov_model_const_input_by_name, inputs, found_inputs);
        !status)
        return status;
    if (Status status = find_tensors(openvino, model, call.ov_model_const_output_by_name, outputs,
                                     found_outputs);
        !status)
        return status;
    if (Status status = add_other_inputs(openvino, model, found_inputs); !status) return status;
    return check_tensors(path, inputs, outputs, found_inputs, found_outputs);
}

Status compile_model(OpenVino& openvino, const ov_model_t* model, const std::string& path,
                     const std::vector<Tensor>& inputs, int32_t batch, int32_t threads,
                     Handle<ov_compiled_model_t>& out) {
    const OpenVinoFunctions& call = openvino.call();
    const auto check = [&](ov_status_e code) {
        return openvino.check(code, "refuses a batch of " + std::to_string(batch) + " of " + path);
    };
    std::vector<const char*> names;
    std::vector<std::unique_ptr<PartialShape>> owned;
    std::vector<ov_partial_shape_t> shapes;
    for (const Tensor& input : inputs) {
        const std::vector<int64_t> sizes = input.sized(batch);
        owned.push_back(std::make_unique<PartialShape>(openvino));
        ov_partial_shape_t& shape = owned.back()->shape;
        if (Status status = check(call.ov_partial_shape_create_static(
                static_cast<int64_t>(sizes.size()), sizes.data(), &shape));
            !status)
            return status;
        names.push_back(input.name.c_str());
        shapes.push_back(shape);
    }
    if (Status status =
            check(call.ov_model_reshape(model, names.data(), shapes.data(), shapes.size()));
        !status)
        return status;

    ov_core_t* core = nullptr;
    if (Status status = openvino.core(core); !status) return status;
    // Unless told, CPUs with AMX or AVX512-BF16 compute in bfloat16, which changes the pictures.
    const std::string count = std::to_string(threads);
    const size_t arguments = threads > 0 ? 8 : 6;  // the last pair is read only when counted
    ov_compiled_model_t* compiled = nullptr;
    if (Status status = check(call.ov_core_compile_model(
            core, model, "CPU", arguments, &compiled, "PERFORMANCE_HINT", "LATENCY", "NUM_STREAMS",
            "1", "INFERENCE_PRECISION_HINT", "f32", "INFERENCE_NUM_THREADS", count.c_str()));
        !status)
        return status;
    out = own(compiled, call.ov_compiled_model_free);
    return {};
}

}  // namespace facedge::plugin
