// The inputs and outputs that a session's graph has.
#pragma once

#include "../common/tensors.hpp"
#include "api.hpp"

#include <vector>

namespace facedge::plugin {

// FACEDGE_EBACKEND.
Status read_graph(const OnnxRuntime& runtime, const OrtSession* session,
                  std::vector<Tensor>& inputs, std::vector<Tensor>& outputs);

}  // namespace facedge::plugin
