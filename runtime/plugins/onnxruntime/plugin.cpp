// The export of the plug-in.
#include "../common/cpu_table.hpp"
#include "engine.hpp"

#include <cstdio>

namespace {

using namespace facedge::plugin;
using facedge::Status;

int available(const facedge_backend_host*, const char* library, char* version, size_t version_bytes,
              facedge_error* error) {
    return guarded(error, [&] {
        OnnxRuntime runtime;
        Status status = open_onnxruntime(library, runtime);
        if (status) std::snprintf(version, version_bytes, "%s", runtime.version.c_str());
        return status;
    });
}

}  // namespace

const facedge_backend_table* facedge_backend(uint32_t host_abi) {
    static const facedge_backend_table table =
        CpuTable<facedge_engine, facedge_lane>::make("onnxruntime", available);
    return host_abi == FACEDGE_BACKEND_ABI ? &table : nullptr;
}
