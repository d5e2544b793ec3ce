// One ONNX file in OpenVINO: a compiled model per batch size, and lanes with everything bound
// beforehand. The Python twin is runtime/backends/openvino.py; the same settings give the same bits.
#pragma once

#include "../common/lane_memory.hpp"
#include "../common/tensors.hpp"
#include "api.hpp"

#include <facedge/facedge_backend.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

struct facedge_engine {
    static facedge::Status open(const facedge_backend_host& host, const facedge_artifact& artifact,
                                const facedge_engine_settings& settings,
                                std::unique_ptr<facedge_engine>& out);

    // The model for a batch, compiled when first asked for and shared by all lanes: fixed shapes run
    // much faster than free ones. With `preparing` held. FACEDGE_EBACKEND.
    facedge::Status compiled(int32_t batch, const ov_compiled_model_t*& out);

    facedge::plugin::OpenVino* openvino = nullptr;
    std::string path;  // of the artifact, for messages
    int32_t max_batch = 0, threads = 0;
    std::vector<facedge::plugin::Tensor> inputs, outputs;
    std::mutex preparing;  // one lane at a time compiles and binds; all may play meanwhile

private:
    std::vector<char> onnx_;  // read anew for each batch, since a reshape changes the model
    std::map<int32_t, facedge::plugin::Handle<ov_compiled_model_t>> compiled_;
};

struct facedge_lane {
    // One inference request per batch, on the beginning of the same buffers, each run once.
    static facedge::Status open(facedge_engine& engine, const facedge_lane_settings& settings,
                                std::unique_ptr<facedge_lane>& out);

    size_t batches() const { return requests.size(); }
    // FACEDGE_EBACKEND.
    facedge::Status play(size_t batch_index);

    facedge_engine* engine = nullptr;
    facedge::plugin::LaneMemory memory;
    std::vector<facedge::plugin::Handle<ov_infer_request_t>> requests;  // one per batch
};
