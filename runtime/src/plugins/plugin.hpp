// Back end plug-ins: found, loaded once per process, and kept.
#pragma once

#include "bundle/bundle.hpp"
#include "status.hpp"

#include <facedge/facedge_backend.h>

#include <memory>
#include <string>

namespace facedge {

// An engine with its table; closes it when it goes.
class Engine {
public:
    Engine(const facedge_backend_table* table, facedge_engine* engine, std::string version)
        : table_(table), engine_(engine), version_(std::move(version)) {}
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    ~Engine() { table_->engine_close(engine_); }

    const facedge_backend_table& table() const { return *table_; }
    facedge_engine* get() const { return engine_; }
    const std::string& version() const { return version_; }  // of the driven library

private:
    const facedge_backend_table* table_;
    facedge_engine* engine_;
    std::string version_;
};

struct EngineOptions {
    std::string plugin_dir, library;  // empty: the defaults described in facedge.h
    int32_t threads = 0;
    int32_t device = 0;
};

// The table of libfacedge_backend_<name>.so ("tensorrt-rtx" -> tensorrt_rtx). FACEDGE_EBACKEND: no
// such file, or it does not load; FACEDGE_EVERSION: another ABI.
Status load_plugin(const std::string& name, const std::string& plugin_dir,
                   const facedge_backend_table*& out);

// What a table's function reported: a code of this version, and a text that ends and is not empty.
facedge_code backend_code(int reported);
const char* backend_text(facedge_error& error);

// Whether the back end makes crops of frames on the GPU.
bool can_crop(const facedge_backend_table& table);

// Loads one artifact of a bundle.
Status open_engine(const Bundle& bundle, const Artifact& artifact, const EngineOptions& options,
                   std::unique_ptr<Engine>& out);

// A lane with its buffers; closes it when it goes.
class Lane {
public:
    static Status open(const Engine& engine, const std::vector<int32_t>& batches, Lane* peer,
                       std::unique_ptr<Lane>& out);
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;
    ~Lane() { table_->lane_close(lane_); }

    const facedge_lane_buffers& buffers() const { return buffers_; }
    const facedge_backend_table& table() const { return *table_; }
    facedge_lane* get() const { return lane_; }

private:
    Lane(const facedge_backend_table* table, facedge_lane* lane,
         const facedge_lane_buffers& buffers)
        : table_(table), lane_(lane), buffers_(buffers) {}
    const facedge_backend_table* table_;
    facedge_lane* lane_;
    facedge_lane_buffers buffers_;
};

}  // namespace facedge
