// The table of a back end on the CPU, where enqueue does all the work and wait none.
#pragma once

#include "boundary.hpp"

#include <facedge/facedge_backend.h>

#include <memory>

namespace facedge::plugin {

// Engine has   static Status open(const facedge_backend_host&, const facedge_artifact&,
//                                 const facedge_engine_settings&, std::unique_ptr<Engine>&)
// Lane has     static Status open(Engine&, const facedge_lane_settings&, std::unique_ptr<Lane>&)
//              a LaneMemory `memory`
//              size_t batches() const
//              Status play(size_t batch_index)    allocates nothing of its own unless it fails
template <class Engine, class Lane>
struct CpuTable {
    static int engine_open(const facedge_backend_host* host, const facedge_artifact* artifact,
                           const facedge_engine_settings* settings, Engine** engine,
                           facedge_error* error) {
        *engine = nullptr;
        return guarded(error, [&] {
            if (Status status = check_size(*host, "facedge_backend_host"); !status) return status;
            if (Status status = check_size(*artifact, "facedge_artifact"); !status) return status;
            if (Status status = check_size(*settings, "facedge_engine_settings"); !status)
                return status;
            std::unique_ptr<Engine> opened;
            Status status = Engine::open(*host, *artifact, *settings, opened);
            if (status) *engine = opened.release();
            return status;
        });
    }

    static void engine_close(Engine* engine) { delete engine; }

    static int lane_open(Engine* engine, const facedge_lane_settings* settings,
                         facedge_lane_buffers* buffers, Lane** lane, facedge_error* error) {
        *lane = nullptr;
        return guarded(error, [&] {
            if (Status status = check_size(*settings, "facedge_lane_settings"); !status)
                return status;
            std::unique_ptr<Lane> opened;
            Status status = Lane::open(*engine, *settings, opened);
            if (!status) return status;
            *buffers = opened->memory.buffers();
            *lane = opened.release();
            return status;
        });
    }

    static void lane_close(Lane* lane) { delete lane; }

    static int enqueue(Lane* lane, int32_t batch_index, facedge_error* error) {
        const size_t index = static_cast<size_t>(batch_index);
        if (index >= lane->batches())
            return report(FACEDGE_EINVAL, "the lane has no batch of this index", error);
        return guarded(error, [&] { return lane->play(index); });
    }

    static int wait(Lane*, facedge_error*) { return FACEDGE_OK; }

    static facedge_backend_table make(const char* name,
                                      decltype(facedge_backend_table::available) available) {
        facedge_backend_table table = {};
        table.abi = FACEDGE_BACKEND_ABI;
        table.size = sizeof table;
        table.name = name;
        table.available = available;
        table.engine_open = engine_open;
        table.engine_close = engine_close;
        table.lane_open = lane_open;
        table.lane_close = lane_close;
        table.enqueue = enqueue;
        table.wait = wait;
        return table;
    }
};

}  // namespace facedge::plugin
