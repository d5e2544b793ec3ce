// One plan in TensorRT on one device. The Python twin is runtime/backends/tensorrt.py.
#pragma once

#include "../common/tensors.hpp"
#include "crop.hpp"
#include "cuda/stream.hpp"
#include "library.hpp"

#include <facedge/facedge_backend.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

struct facedge_engine {
    // Checks the plan before it is deserialised. Throws facedge::cuda::Failure.
    static std::unique_ptr<facedge_engine> open(const facedge_artifact& artifact,
                                                const facedge_engine_settings& settings);
    ~facedge_engine();

    // Says once per engine that frames are enqueued without a graph, and why.
    void say_no_graph(const std::string& why);

    std::string path, rebuild;  // of the plan, for messages
    int32_t max_batch = 0;      // 0: no limit
    std::vector<facedge::plugin::Tensor> inputs, outputs;
    facedge::cuda::SharedContext context;
    facedge::tensorrt::Crop crop;
    std::unique_ptr<nvinfer1::IRuntime> runtime;
    std::unique_ptr<nvinfer1::ICudaEngine> engine;  // any thread may make contexts of it

private:
    std::atomic<bool> said_no_graph_{false};
};
