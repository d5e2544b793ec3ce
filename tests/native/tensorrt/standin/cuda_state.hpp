// Inside the stand-in for libcuda: the one machine it plays.
#pragma once

#include "cuda_standin.hpp"

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

namespace standin {

using Work = std::function<void()>;

// A graph, executable or not.
struct Recorded {
    std::vector<Work> work;
    std::vector<CUevent> events;  // that every launch records
};

struct StreamState {
    std::deque<Work> queue;
    bool capturing = false, spoilt = false;
    std::thread::id capturer;
    Recorded recording;
};

struct EventState {
    int recorded = 0, done = 0;  // how often
    bool captured = false;       // recorded inside of a capture: good for nothing outside of it
    CUstream stream = nullptr;   // of the last record
};

struct Block {
    std::unique_ptr<unsigned char[]> storage;
    unsigned char* start = nullptr;
    size_t bytes = 0;
    bool mapped = true;  // into the device's addresses
};

// Device address of a host address that the device can reach.
constexpr CUdeviceptr kDeviceOffset = CUdeviceptr{1} << 56;

enum Rule : unsigned {
    kGivesBack = 1,          // never fails on demand
    kNeedsContext = 2,       // a context must be current on this thread
    kForbiddenInCapture = 4  // by the thread that captures
};

class State final : public Cuda {
public:
    void reset(const Machine& machine) override;
    void fail_call(int n, CUresult result) override;
    void fail_call(const std::string& name, CUresult result) override;
    bool failure_pending() const override;
    Live live() const override;
    std::vector<std::string> violations() const override;
    std::vector<std::string> calls() const override;
    void clear_calls() override;
    size_t device_bytes() const override;
    bool inside() const override;
    void violate(const std::string& rule) override;
    bool capturing(CUstream stream) const override;
    void spoil_capture(CUstream stream) override;
    bool submit(CUstream stream, Work work) override;
    void record(CUstream stream, CUevent event) override;
    unsigned char* memory(CUdeviceptr address, size_t bytes) override;

    // Notes the call, keeps the rules, and does `body` unless the call fails on demand.
    template <class Body>
    CUresult call(const char* name, unsigned rules, Body&& body) {
        const Inside inside(*this);
        const std::lock_guard<std::recursive_mutex> lock(mutex);
        const CUresult refused = begin(name, rules);
        return refused == CUDA_SUCCESS ? body() : refused;
    }

    StreamState* find(CUstream stream);
    EventState* find(CUevent event);
    bool is_page_locked(const void* address, size_t bytes) const;
    Block make_block(size_t bytes) const;
    void drain(StreamState& stream);
    void drain_until(EventState& event, int record);

    mutable std::recursive_mutex mutex;
    Machine machine;
    int contexts = 0;
    std::map<CUstream, std::unique_ptr<StreamState>> streams;
    std::map<CUevent, std::unique_ptr<EventState>> events;
    std::map<CUgraph, std::unique_ptr<Recorded>> graphs;
    std::map<CUgraphExec, std::unique_ptr<Recorded>> executables;
    std::map<CUdeviceptr, Block> device_blocks;
    std::map<void*, Block> host_blocks;
    std::map<CUmodule, std::unique_ptr<int>> modules;
    static thread_local std::vector<CUcontext> current;

protected:
    void enter(int step) override;

private:
    CUresult begin(const char* name, unsigned rules);

    std::vector<std::string> violations_, calls_;
    int until_failure_ = 0;
    std::string failing_name_;
    CUresult failure_ = CUDA_SUCCESS;
};

State& state();

// Queues what runtime/kernels' crop kernel does on a device. False: no such stream.
bool queue_crop(CUstream stream, unsigned grid_x, unsigned grid_y, unsigned threads,
                const void* parameter);

}  // namespace standin
