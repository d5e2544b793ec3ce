// Whether a plan fits this TensorRT and this device: asked before it is deserialised.
// The Python twin is runtime/backends/plan.py; both refuse the same plans with the same sentences.
//
// Manifest notation: version "10.3.0" is that version only, "10.3.0+" that or any later one (built
// version-compatible). Device "sm_87" is that compute capability only, "sm_86,sm_89" any of them,
// "ampere+" compute capability 8.0 and later.
#pragma once

#include "status.hpp"

#include <string>

namespace facedge::tensorrt {

struct Plan {
    std::string path;     // for messages
    std::string version;  // as above
    std::string device;   // as above
    std::string rebuild;  // command that makes it anew
};

// FACEDGE_EPLAN: it does not say what it was built for, or another version or device.
//   installed     version of the installed TensorRT
//   major, minor  compute capability of the device
Status check_plan(const Plan& plan, const std::string& installed, int major, int minor);

// Built version-compatible: such a plan carries its own runtime library, which is host code.
bool carries_host_code(const std::string& version);

}  // namespace facedge::tensorrt
