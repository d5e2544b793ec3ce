#include "stream.hpp"

namespace facedge::cuda {

Event::Event(const SharedContext& context, Timing timing) {
    const Driver& driver = context->driver();
    CUevent event = nullptr;
    driver.check(driver.cuEventCreate(&event, timing == Timing::kOn ? CU_EVENT_DEFAULT
                                                                    : CU_EVENT_DISABLE_TIMING),
                 "cuEventCreate");
    handle_ = {context, event};
}

void Event::wait() const {
    const Driver& driver = handle_.driver();
    driver.check(driver.cuEventSynchronize(get()), "cuEventSynchronize");
}

float Event::milliseconds_since(const Event& earlier) const {
    const Driver& driver = handle_.driver();
    float milliseconds = 0;
    driver.check(driver.elapsed_time(&milliseconds, earlier.get(), get()), "cuEventElapsedTime");
    return milliseconds;
}

Stream::Stream(const SharedContext& context) {
    const Driver& driver = context->driver();
    CUstream stream = nullptr;
    driver.check(driver.cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
    handle_ = {context, stream};
}

void Stream::to_device(CUdeviceptr to, const void* from, size_t bytes) const {
    driver().check(driver().cuMemcpyHtoDAsync(to, from, bytes, get()), "cuMemcpyHtoDAsync");
}

void Stream::to_host(void* to, CUdeviceptr from, size_t bytes) const {
    driver().check(driver().cuMemcpyDtoHAsync(to, from, bytes, get()), "cuMemcpyDtoHAsync");
}

void Stream::record(const Event& event) const {
    driver().check(driver().cuEventRecord(event.get(), get()), "cuEventRecord");
}

void Stream::record_in_graph(const Event& event) const {
    driver().check(driver().cuEventRecordWithFlags(event.get(), get(), CU_EVENT_RECORD_EXTERNAL),
                   "cuEventRecordWithFlags");
}

void Stream::wait_for(CUevent event) const {
    driver().check(driver().cuStreamWaitEvent(get(), event, CU_EVENT_WAIT_DEFAULT),
                   "cuStreamWaitEvent");
}

void Stream::launch(const Graph& graph) const {
    driver().check(driver().cuGraphLaunch(graph.get(), get()), "cuGraphLaunch");
}

void Stream::synchronize() const {
    driver().check(driver().cuStreamSynchronize(get()), "cuStreamSynchronize");
}

Recording::Recording(const Stream& stream) : stream_(stream) {
    const Driver& driver = stream.driver();
    driver.check(driver.cuStreamBeginCapture(stream.get(), CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
                 "cuStreamBeginCapture");
}

Recording::~Recording() {
    if (!open_) return;
    const Driver& driver = stream_.driver();
    CUgraph spoilt = nullptr;
    if (driver.cuStreamEndCapture(stream_.get(), &spoilt) == CUDA_SUCCESS && spoilt)
        driver.cuGraphDestroy(spoilt);
}

Graph Recording::finish() {
    const Driver& driver = stream_.driver();
    const SharedContext& context = stream_.handle_.context();
    CUgraph recorded = nullptr;
    open_ = false;
    driver.check(driver.cuStreamEndCapture(stream_.get(), &recorded), "cuStreamEndCapture");
    const Owned<CUgraph, &Functions::cuGraphDestroy> graph(context, recorded);
    CUgraphExec executable = nullptr;
    driver.check(driver.cuGraphInstantiateWithFlags(&executable, graph.get(), 0),
                 "cuGraphInstantiateWithFlags");
    return Graph({context, executable});
}

Kernel::Kernel(const SharedContext& context, const void* image, const char* function) {
    const Driver& driver = context->driver();
    CUmodule module = nullptr;
    driver.check(driver.cuModuleLoadData(&module, image), "cuModuleLoadData");
    module_ = {context, module};
    driver.check(driver.cuModuleGetFunction(&function_, module, function), "cuModuleGetFunction");
}

void Kernel::launch(const Stream& stream, unsigned grid_x, unsigned grid_y, unsigned threads,
                    const void* parameter) const {
    const Driver& driver = module_.driver();
    // cuLaunchKernel reads parameters only; its type is older than const.
    void* parameters[] = {const_cast<void*>(parameter)};
    driver.check(driver.cuLaunchKernel(function_, grid_x, grid_y, 1, threads, 1, 1, 0, stream.get(),
                                       parameters, nullptr),
                 "cuLaunchKernel");
}

}  // namespace facedge::cuda
