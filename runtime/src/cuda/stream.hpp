// Streams, events, recorded graphs and kernels. The context must be current in every call but the
// destructors'.
#pragma once

#include "memory.hpp"

namespace facedge::cuda {

class Event {
public:
    Event() = default;
    enum class Timing { kOff, kOn };
    explicit Event(const SharedContext& context, Timing timing = Timing::kOff);

    CUevent get() const { return handle_.get(); }
    // Returns when what was recorded last is done; at once when nothing was.
    void wait() const;
    // Milliseconds from `earlier` to this one; both recorded with timing, and done.
    float milliseconds_since(const Event& earlier) const;

private:
    Owned<CUevent, &Functions::cuEventDestroy> handle_;
};

// An executable graph. Belongs to the addresses it was recorded with.
class Graph {
public:
    Graph() = default;
    explicit Graph(Owned<CUgraphExec, &Functions::cuGraphExecDestroy> handle)
        : handle_(std::move(handle)) {}

    explicit operator bool() const { return static_cast<bool>(handle_); }
    CUgraphExec get() const { return handle_.get(); }

private:
    Owned<CUgraphExec, &Functions::cuGraphExecDestroy> handle_;
};

// Never waits for the default stream.
class Stream {
public:
    Stream() = default;
    explicit Stream(const SharedContext& context);

    CUstream get() const { return handle_.get(); }
    void to_device(CUdeviceptr to, const void* from, size_t bytes) const;
    void to_host(void* to, CUdeviceptr from, size_t bytes) const;
    void record(const Event& event) const;
    // As a node of the graph that is being recorded, so that every launch records the event anew.
    void record_in_graph(const Event& event) const;
    void wait_for(CUevent event) const;
    void launch(const Graph& graph) const;
    void synchronize() const;

private:
    friend class Recording;
    const Driver& driver() const { return handle_.driver(); }
    Owned<CUstream, &Functions::cuStreamDestroy> handle_;
};

// Records what is queued on a stream by this thread, in place of running it. Other threads may
// allocate and synchronise meanwhile.
class Recording {
public:
    explicit Recording(const Stream& stream);
    Recording(const Recording&) = delete;
    Recording& operator=(const Recording&) = delete;
    ~Recording();  // throws the recording away unless it was finished

    Graph finish();

private:
    const Stream& stream_;
    bool open_ = true;
};

// A loaded kernel image and one function of it.
class Kernel {
public:
    Kernel() = default;
    // FACEDGE_EBACKEND: the image has no code for this device, or no such function.
    //   image  a fatbin, a cubin or PTX text
    Kernel(const SharedContext& context, const void* image, const char* function);

    explicit operator bool() const { return function_ != nullptr; }
    // Queues a launch of grid_x * grid_y blocks of `threads` with one parameter passed by value.
    void launch(const Stream& stream, unsigned grid_x, unsigned grid_y, unsigned threads,
                const void* parameter) const;

private:
    Owned<CUmodule, &Functions::cuModuleUnload> module_;
    CUfunction function_ = nullptr;
};

}  // namespace facedge::cuda
