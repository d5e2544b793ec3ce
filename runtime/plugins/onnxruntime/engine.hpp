// One ONNX file in ONNX Runtime: the session, and lanes with everything bound beforehand.
// The Python twin is runtime/backends/onnxruntime.py; the same settings give the same bits.
#pragma once

#include "../common/lane_memory.hpp"
#include "../common/tensors.hpp"
#include "api.hpp"

#include <facedge/facedge_backend.h>

#include <memory>
#include <string>
#include <vector>

struct facedge_engine {
    static facedge::Status open(const facedge_backend_host& host, const facedge_artifact& artifact,
                                const facedge_engine_settings& settings,
                                std::unique_ptr<facedge_engine>& out);

    facedge::plugin::OnnxRuntime runtime;
    std::string path;  // of the artifact, for messages
    int32_t max_batch = 0;
    std::vector<facedge::plugin::Tensor> inputs, outputs;
    facedge::plugin::Handle<OrtEnv> environment;
    facedge::plugin::Handle<OrtMemoryInfo> cpu;
    facedge::plugin::Handle<OrtSession> session;  // any thread may run it
};

struct facedge_lane {
    // Binds every batch to the beginning of the same buffers and runs it once.
    static facedge::Status open(facedge_engine& engine, const facedge_lane_settings& settings,
                                std::unique_ptr<facedge_lane>& out);

    size_t batches() const { return bindings.size(); }
    // FACEDGE_EBACKEND.
    facedge::Status play(size_t batch_index);

    struct Binding {
        std::vector<facedge::plugin::Handle<OrtValue>> values;  // views of `memory`
        facedge::plugin::Handle<OrtIoBinding> binding;
    };

    facedge_engine* engine = nullptr;
    facedge::plugin::LaneMemory memory;
    facedge::plugin::Handle<OrtRunOptions> options;
    std::vector<Binding> bindings;  // one per batch
};
