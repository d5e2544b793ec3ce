// The export of the plug-in.
#include "../common/boundary.hpp"
#include "lane.hpp"
#include "logger.hpp"

#include <cstdio>

namespace {

using namespace facedge;
using cuda::Current;
using plugin::check_size;

// Calls `work` and turns what it throws into a code and a sentence.
template <class Work>
int attempt(facedge_error* error, Work&& work) noexcept {
    return plugin::guarded(error, [&]() -> Status {
        try {
            work();
            return {};
        } catch (const cuda::Failure& failure) {
            return failure.status();
        }
    });
}

// The same with the lane's device current on this thread.
template <class Work>
int attempt(facedge_lane* lane, facedge_error* error, Work&& work) noexcept {
    return attempt(error, [&] {
        const Current current(*lane->engine().context);
        work();
    });
}

int available(const facedge_backend_host* host, const char* library, char* version,
              size_t version_bytes, facedge_error* error) {
    return attempt(error, [&] {
        cuda::require(check_size(*host, "facedge_backend_host"));
        tensorrt::log_to(*host);
        const tensorrt::TensorRt found = tensorrt::open_tensorrt(library);
        cuda::Driver::get().device_count();
        std::snprintf(version, version_bytes, "%s", found.version.c_str());
    });
}

int engine_open(const facedge_backend_host* host, const facedge_artifact* artifact,
                const facedge_engine_settings* settings, facedge_engine** engine,
                facedge_error* error) {
    *engine = nullptr;
    return attempt(error, [&] {
        cuda::require(check_size(*host, "facedge_backend_host"));
        cuda::require(check_size(*artifact, "facedge_artifact"));
        cuda::require(check_size(*settings, "facedge_engine_settings"));
        tensorrt::log_to(*host);
        *engine = facedge_engine::open(*artifact, *settings).release();
    });
}

void engine_close(facedge_engine* engine) { delete engine; }

int lane_open(facedge_engine* engine, const facedge_lane_settings* settings,
              facedge_lane_buffers* buffers, facedge_lane** lane, facedge_error* error) {
    *lane = nullptr;
    return attempt(error, [&] {
        cuda::require(check_size(*settings, "facedge_lane_settings"));
        const Current current(*engine->context);
        std::unique_ptr<facedge_lane> opened = facedge_lane::open(*engine, *settings);
        *buffers = opened->buffers();
        *lane = opened.release();
    });
}

void lane_close(facedge_lane* lane) { delete lane; }

int enqueue(facedge_lane* lane, int32_t batch_index, facedge_error* error) {
    return attempt(lane, error, [&] { lane->enqueue(static_cast<size_t>(batch_index)); });
}

int wait(facedge_lane* lane, facedge_error* error) {
    return attempt(lane, error, [&] { lane->wait(); });
}

int inputs_wait(facedge_lane* lane, facedge_error* error) {
    return attempt(lane, error, [&] { lane->wait_for_inputs(); });
}

int crop(facedge_lane* lane, const facedge_crop_job* job, facedge_error* error) {
    return attempt(lane, error, [&] {
        cuda::require(check_size(*job, "facedge_crop_job"));
        lane->crop(*job);
    });
}

int crop_wait(facedge_lane* lane, facedge_error* error) {
    return attempt(lane, error, [&] { lane->wait_for_crop(); });
}

facedge_backend_table make_table() {
    facedge_backend_table table = {};
    table.abi = FACEDGE_BACKEND_ABI;
    table.size = sizeof table;
    table.name = "tensorrt";
    table.available = available;
    table.engine_open = engine_open;
    table.engine_close = engine_close;
    table.lane_open = lane_open;
    table.lane_close = lane_close;
    table.enqueue = enqueue;
    table.wait = wait;
    table.crop = tensorrt::Crop::kBuilt ? crop : nullptr;
    table.crop_wait = tensorrt::Crop::kBuilt ? crop_wait : nullptr;
    table.inputs_wait = inputs_wait;
    return table;
}

}  // namespace

const facedge_backend_table* facedge_backend(uint32_t host_abi) {
    static const facedge_backend_table table = make_table();
    return host_abi == FACEDGE_BACKEND_ABI ? &table : nullptr;
}
