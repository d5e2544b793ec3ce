#include "graph.hpp"

namespace facedge::plugin {
namespace {

std::string type_name(ONNXTensorElementDataType type) {
    switch (type) {
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8: return "uint8";
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT: return "float32";
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16: return "float16";
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE: return "float64";
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8: return "int8";
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32: return "int32";
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64: return "int64";
        case ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL: return "bool";
        default: return "type " + std::to_string(type);
    }
}

// The functions that read one side of a session.
struct Side {
    decltype(OrtApi::SessionGetInputCount) count;
    decltype(OrtApi::SessionGetInputName) name;
    decltype(OrtApi::SessionGetInputTypeInfo) type;
};

Status read_type(const OnnxRuntime& runtime, OrtTypeInfo* type, Tensor& out) {
    const OrtApi& api = *runtime.api;
    const OrtTensorTypeAndShapeInfo* tensor = nullptr;
    OrtStatus* failure = api.CastTypeInfoToTensorInfo(type, &tensor);
    if (!failure && !tensor) {  // a sequence or a map
        out.dtype = "no tensor";
        return {};
    }
    ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    size_t rank = 0;
    if (!failure) failure = api.GetTensorElementType(tensor, &element);
    if (!failure) failure = api.GetDimensionsCount(tensor, &rank);
    out.dtype = type_name(element);
    out.shape.resize(rank);
    if (!failure) failure = api.GetDimensions(tensor, out.shape.data(), rank);
    return runtime.check(failure, "does not tell the type of " + out.name);
}

Status read_side(const OnnxRuntime& runtime, const OrtSession* session, const Side& side,
                 std::vector<Tensor>& out) {
    const OrtApi& api = *runtime.api;
    const auto check = [&](OrtStatus* status) {
        return runtime.check(status, "does not tell the graph's tensors");
    };
    OrtAllocator* allocator = nullptr;  // ONNX Runtime's own
    size_t count = 0;
    if (Status status = check(api.GetAllocatorWithDefaultOptions(&allocator)); !status)
        return status;
    if (Status status = check(side.count(session, &count)); !status) return status;
    for (size_t i = 0; i < count; ++i) {
        Tensor tensor;
        char* name = nullptr;
        if (Status status = check(side.name(session, i, allocator, &name)); !status) return status;
        tensor.name = name;
        allocator->Free(allocator, name);
        OrtTypeInfo* type = nullptr;
        if (Status status = check(side.type(session, i, &type)); !status) return status;
        const auto owned = own(type, api.ReleaseTypeInfo);
        if (Status status = read_type(runtime, type, tensor); !status) return status;
        out.push_back(std::move(tensor));
    }
    return {};
}

}  // namespace

Status read_graph(const OnnxRuntime& runtime, const OrtSession* session,
                  std::vector<Tensor>& inputs, std::vector<Tensor>& outputs) {
    const OrtApi& api = *runtime.api;
    const Side in = {api.SessionGetInputCount, api.SessionGetInputName,
                     api.SessionGetInputTypeInfo};
    const Side out = {api.SessionGetOutputCount, api.SessionGetOutputName,
                      api.SessionGetOutputTypeInfo};
    if (Status status = read_side(runtime, session, in, inputs); !status) return status;
    return read_side(runtime, session, out, outputs);
}

}  // namespace facedge::plugin
