// One frame under way: for every batch size an execution context and its recorded graphs, all over
// the same buffers.
//
// Rules of the field that the code follows: never the default stream; tensor addresses on 256
// bytes; after a shape is set, one enqueue outside of a recording before a CUDA graph is recorded;
// a recorded graph belongs to one context, one set of addresses and one scratch block.
#pragma once

#include "engine.hpp"
#include "io_memory.hpp"
#include "workspace.hpp"

#include <facedge/facedge_backend.h>

#include <memory>
#include <vector>

// All functions need the engine's context current, and throw facedge::cuda::Failure.
struct facedge_lane {
    static std::unique_ptr<facedge_lane> open(facedge_engine& engine,
                                              const facedge_lane_settings& settings);
    explicit facedge_lane(facedge_engine& owner);
    facedge_lane(const facedge_lane&) = delete;
    facedge_lane& operator=(const facedge_lane&) = delete;
    ~facedge_lane();

    facedge_engine& engine() const { return engine_; }
    facedge_lane_buffers buffers() const;

    void enqueue(size_t batch_index);
    void wait() const { done_.wait(); }
    void wait_for_inputs() const { inputs_free_->wait(); }
    void crop(const facedge_crop_job& job);
    void wait_for_crop() const { cropped_.wait(); }

    // Takes the workspace's scratch block and drops the graphs, which know the old one.
    void use_scratch() noexcept;
    // Runs every batch once and records its graphs.
    void prepare();

private:
    // Where the batch's first input comes from.
    enum class Source { kHost, kCrop };

    struct Batch {
        int32_t rows;
        std::unique_ptr<nvinfer1::IExecutionContext> context;
        std::vector<facedge::tensorrt::Span> in_from_host, in_after_crop, out;  // copies
        facedge::cuda::Graph from_host, after_crop;

        const std::vector<facedge::tensorrt::Span>& in(Source source) const {
            return source == Source::kHost ? in_from_host : in_after_crop;
        }
    };

    void add_batch(int32_t rows);
    size_t scratch_bytes(Batch& batch) const;
    void run_tensorrt(Batch& batch, const facedge::cuda::Event* inputs_consumed);
    void play(Batch& batch, Source source);
    facedge::cuda::Graph record(Batch& batch, Source source);
    // Waits for all that is queued, as well as it can.
    void finish_stream() const noexcept;

    facedge_engine& engine_;
    std::shared_ptr<facedge::tensorrt::Workspace> workspace_;
    facedge::cuda::Event inputs_read_, done_, cropped_;
    const facedge::cuda::Event* inputs_free_ = &done_;  // of the last enqueue
    facedge::tensorrt::IoMemory inputs_, outputs_;
    std::vector<Batch> batches_;
    Source next_ = Source::kHost;
};
