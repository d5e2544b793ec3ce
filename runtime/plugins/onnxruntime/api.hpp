// ONNX Runtime's C API, from a library that is found at run time.
#pragma once

#include "../common/handle.hpp"
#include "status.hpp"

#include <onnxruntime_c_api.h>

#include <string>

namespace facedge::plugin {

struct OnnxRuntime {
    const OrtApi* api = nullptr;
    std::string version;  // such as "1.32.0"

    // Releases `status`. FACEDGE_EBACKEND: "onnxruntime 1.32.0 <did what>: <its message>".
    Status check(OrtStatus* status, const std::string& did_what) const;
};

// Opens the library; see open_library. FACEDGE_EBACKEND.
Status open_onnxruntime(const char* library, OnnxRuntime& out);

}  // namespace facedge::plugin
