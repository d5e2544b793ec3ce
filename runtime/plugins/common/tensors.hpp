// What goes in and out of a graph, and whether the manifest and the graph agree about it.
#pragma once

#include "status.hpp"

#include <facedge/facedge_backend.h>

#include <cstdint>
#include <string>
#include <vector>

namespace facedge::plugin {

struct Tensor {
    std::string name;
    std::string dtype;           // "uint8", "float32", or what the back end calls any other type
    std::vector<int64_t> shape;  // shape[0] is the batch; -1: free

    // Bytes of one batch row, SIZE_MAX if they cannot be counted. For tensors of the manifest.
    size_t row_bytes() const;
    // The shape with `batch` in place of the first size.
    std::vector<int64_t> sized(int32_t batch) const;
};

std::vector<Tensor> copy_tensors(const facedge_tensor_info* tensors, int32_t count);

// Compares names, types and sizes beyond the batch. A graph may have more outputs than the manifest
// names, not more inputs: they would have no value. FACEDGE_EBUNDLE.
//   path  of the artifact, for the message
Status check_tensors(const std::string& path, const std::vector<Tensor>& manifest_inputs,
                     const std::vector<Tensor>& manifest_outputs,
                     const std::vector<Tensor>& graph_inputs,
                     const std::vector<Tensor>& graph_outputs);

}  // namespace facedge::plugin
