// The inputs and outputs a bundle must have for its task. Twin of runtime/tensors.py.
#pragma once

#include "bundle/bundle.hpp"

#include <string>

namespace facedge {

// What in a manifest cannot be played, as a phrase; empty when everything can.
std::string contradiction(const Manifest& manifest);

}  // namespace facedge
