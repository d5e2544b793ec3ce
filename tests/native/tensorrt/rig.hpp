// The plug-in between stand-ins: opens it, plays lanes on it, and at the end nothing may be left
// and no rule of CUDA or TensorRT may have been broken.
#pragma once

#include "standin/cuda_standin.hpp"
#include "standin/nvinfer_plan.hpp"
#include "standin/nvinfer_standin.hpp"

#include <facedge/facedge_backend.h>

#include <memory>
#include <string>
#include <vector>

namespace rig {

// Super-resolution with a hidden state: 16x16 to 32x32.
extern const char* const kRestore;
// Action units of a 16x16 picture.
extern const char* const kUnits;

// What an artifact says; a plan for the machine of the stand-ins unless changed.
struct Artifact {
    std::string plan = kRestore;
    std::string version = "", device = "sm_87";  // version "": the stand-in's
    int32_t max_batch = 4;
    std::string declared = "";  // the manifest's tensors as a plan; "": those of `plan`
};

struct EngineCloser {
    void operator()(facedge_engine* engine) const;
};
struct LaneCloser {
    void operator()(facedge_lane* lane) const;
};
using Engine = std::unique_ptr<facedge_engine, EngineCloser>;

struct Lane {
    std::unique_ptr<facedge_lane, LaneCloser> handle;
    facedge_lane_buffers buffers = {};
    std::vector<int32_t> batches;
    standin::Plan plan;
};

class Rig {
public:
    explicit Rig(const standin::Machine& machine = {}, int tensorrt_version = 0);
    Rig(const Rig&) = delete;
    Rig& operator=(const Rig&) = delete;
    ~Rig();

    const facedge_backend_table& table;
    standin::Cuda& cuda;
    standin::NvInfer& nvinfer;
    static thread_local facedge_error error;
    static thread_local int code;  // of this thread's last call

    // Empty on failure; `code` and `error` say why.
    Engine open(const Artifact& artifact = {}, int32_t device = 0, const char* library = nullptr);
    Lane open_lane(const Engine& engine, const Artifact& artifact, std::vector<int32_t> batches,
                   const Lane* peer = nullptr);
    std::string available(const char* library = nullptr);

    // Fills the inputs with random values, or only those from `first` on.
    void fill(const Lane& lane, unsigned seed, size_t first = 0);
    bool enqueue(const Lane& lane, size_t batch);
    bool wait(const Lane& lane);
    // Plays what the inputs hold and compares the outputs with what the plan computes.
    bool plays(const Lane& lane, size_t batch);
    // What the inputs make: every output tensor, in the order of the outputs.
    std::vector<std::vector<unsigned char>> expected(const Lane& lane, size_t batch) const;
    bool outputs_are(const Lane& lane, const std::vector<std::vector<unsigned char>>& wanted) const;

    // How often a call was made since the last cuda.clear_calls().
    int count(const std::string& call) const;
    std::string text() const { return error.text; }
};

// What the plug-in sent to the host's log since the last call of this function.
std::vector<std::string> take_log();

}  // namespace rig
