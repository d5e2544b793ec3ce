#include "tensors.hpp"

#include <algorithm>

namespace facedge::plugin {
namespace {

size_t element_bytes(const std::string& dtype) {
    return dtype == "uint8" ? 1 : dtype == "float32" ? 4 : 0;
}

const Tensor* find(const std::vector<Tensor>& tensors, const std::string& name) {
    for (const Tensor& tensor : tensors)
        if (tensor.name == name) return &tensor;
    return nullptr;
}

std::string describe(const std::string& dtype, const std::vector<int64_t>& shape) {
    std::string text = dtype + " [N";
    for (size_t i = 1; i < shape.size(); ++i)
        text += ", " + (shape[i] < 0 ? std::string("?") : std::to_string(shape[i]));
    return text + "]";
}

bool agree(const Tensor& a, const Tensor& b) {
    return a.dtype == b.dtype && a.shape.size() == b.shape.size() && !a.shape.empty() &&
           std::equal(a.shape.begin() + 1, a.shape.end(), b.shape.begin() + 1);
}

Status check_side(const std::string& path, const std::vector<Tensor>& manifest,
                  const std::vector<Tensor>& graph) {
    if (manifest.size() > FACEDGE_MAX_TENSORS)
        return {FACEDGE_EBUNDLE,
                "the manifest of " + path + " names " + std::to_string(manifest.size()) +
                    " inputs or outputs; expected at most " + std::to_string(FACEDGE_MAX_TENSORS)};
    for (const Tensor& expected : manifest) {
        const Tensor* found = find(graph, expected.name);
        if (found && agree(*found, expected)) continue;
        return {FACEDGE_EBUNDLE, path + " has " + expected.name + " as " +
                                     (found ? describe(found->dtype, found->shape) : "missing") +
                                     ", the manifest says " +
                                     describe(expected.dtype, expected.shape) +
                                     "; build the bundle again"};
    }
    return {};
}

}  // namespace

size_t Tensor::row_bytes() const {
    size_t bytes = element_bytes(dtype);
    for (size_t i = 1; i < shape.size(); ++i)
        if (__builtin_mul_overflow(bytes, static_cast<size_t>(shape[i]), &bytes)) return SIZE_MAX;
    return bytes;
}

std::vector<int64_t> Tensor::sized(int32_t batch) const {
    std::vector<int64_t> sizes = shape;
    sizes[0] = batch;
    return sizes;
}

std::vector<Tensor> copy_tensors(const facedge_tensor_info* tensors, int32_t count) {
    std::vector<Tensor> copies;
    for (int32_t i = 0; i < count; ++i) {
        const facedge_tensor_info& tensor = tensors[i];
        copies.push_back({tensor.name,
                          tensor.dtype == FACEDGE_UINT8 ? "uint8" : "float32",
                          {tensor.shape, tensor.shape + tensor.rank}});
    }
    return copies;
}

Status check_tensors(const std::string& path, const std::vector<Tensor>& manifest_inputs,
                     const std::vector<Tensor>& manifest_outputs,
                     const std::vector<Tensor>& graph_inputs,
                     const std::vector<Tensor>& graph_outputs) {
    if (Status status = check_side(path, manifest_inputs, graph_inputs); !status) return status;
    if (Status status = check_side(path, manifest_outputs, graph_outputs); !status) return status;
    for (const Tensor& input : graph_inputs) {
        if (find(manifest_inputs, input.name)) continue;
        return {FACEDGE_EBUNDLE, path + " has an input " + input.name +
                                     " that the manifest does not name; build the bundle again"};
    }
    return {};
}

}  // namespace facedge::plugin
