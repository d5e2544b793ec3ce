// The driver API of the stand-in: streams, events, graphs, launches.
#include "cuda_state.hpp"

#include <utility>

using namespace standin;

namespace {

// A new object under a handle of its own.
template <class Handle, class Object>
CUresult add(std::map<Handle, std::unique_ptr<Object>>& objects, Handle* handle,
             std::unique_ptr<Object> made) {
    *handle = reinterpret_cast<Handle>(made.get());
    objects[*handle] = std::move(made);
    return CUDA_SUCCESS;
}

template <class Handle, class Object>
CUresult remove(std::map<Handle, std::unique_ptr<Object>>& objects, Handle handle,
                const char* what) {
    if (objects.erase(handle)) return CUDA_SUCCESS;
    state().violate(std::string(what) + " is destroyed that does not exist");
    return CUDA_ERROR_INVALID_HANDLE;
}

}  // namespace

CUresult CUDAAPI cuStreamCreate(CUstream* stream, unsigned flags) {
    return state().call("cuStreamCreate", kNeedsContext, [&] {
        if (flags != CU_STREAM_NON_BLOCKING) state().violate("a stream waits for the default one");
        return add(state().streams, stream, std::make_unique<StreamState>());
    });
}

CUresult CUDAAPI cuStreamDestroy(CUstream stream) {
    return state().call("cuStreamDestroy", kGivesBack | kNeedsContext, [&] {
        if (StreamState* found = state().find(stream)) state().drain(*found);
        return remove(state().streams, stream, "a stream");
    });
}

CUresult CUDAAPI cuStreamSynchronize(CUstream stream) {
    return state().call("cuStreamSynchronize", kNeedsContext | kForbiddenInCapture, [&] {
        StreamState* found = state().find(stream);
        if (!found) return CUDA_ERROR_INVALID_HANDLE;
        state().drain(*found);
        return CUDA_SUCCESS;
    });
}

CUresult CUDAAPI cuStreamWaitEvent(CUstream stream, CUevent event, unsigned) {
    return state().call("cuStreamWaitEvent", kNeedsContext, [&] {
        EventState* found = state().find(event);
        if (!found) return CUDA_ERROR_INVALID_HANDLE;
        if (found->recorded == 0) state().violate("a stream waits for an event never recorded");
        const int record = found->recorded;
        const bool queued = state().submit(stream, [event, record] {
            if (EventState* awaited = state().find(event)) state().drain_until(*awaited, record);
        });
        return queued ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
    });
}

CUresult CUDAAPI cuEventCreate(CUevent* event, unsigned) {
    return state().call("cuEventCreate", kNeedsContext,
                        [&] { return add(state().events, event, std::make_unique<EventState>()); });
}

CUresult CUDAAPI cuEventDestroy(CUevent event) {
    return state().call("cuEventDestroy", kGivesBack | kNeedsContext,
                        [&] { return remove(state().events, event, "an event"); });
}

CUresult CUDAAPI cuEventRecord(CUevent event, CUstream stream) {
    return state().call("cuEventRecord", kNeedsContext, [&] {
        if (!state().find(event) || !state().find(stream)) return CUDA_ERROR_INVALID_HANDLE;
        state().record(stream, event);
        return CUDA_SUCCESS;
    });
}

CUresult CUDAAPI cuEventRecordWithFlags(CUevent event, CUstream stream, unsigned flags) {
    return state().call("cuEventRecordWithFlags", kNeedsContext, [&] {
        if (!state().find(event) || !state().find(stream)) return CUDA_ERROR_INVALID_HANDLE;
        if (flags != CU_EVENT_RECORD_EXTERNAL || !state().capturing(stream)) {
            state().violate("an external record outside of a capture");
            return CUDA_ERROR_INVALID_VALUE;
        }
        state().find(stream)->recording.events.push_back(event);
        state().submit(stream, [event] {
            if (EventState* found = state().find(event)) ++found->done;
        });
        return CUDA_SUCCESS;
    });
}

CUresult CUDAAPI cuEventSynchronize(CUevent event) {
    return state().call("cuEventSynchronize", kNeedsContext | kForbiddenInCapture, [&] {
        EventState* found = state().find(event);
        if (!found) return CUDA_ERROR_INVALID_HANDLE;
        if (found->captured) {
            state().violate("wait for an event that was recorded in a capture");
            return CUDA_ERROR_CAPTURED_EVENT;
        }
        if (found->recorded == 0) state().violate("wait for an event never recorded");
        state().drain_until(*found, found->recorded);
        return CUDA_SUCCESS;
    });
}

#undef cuEventElapsedTime
extern "C" __attribute__((visibility("default"))) CUresult CUDAAPI
cuEventElapsedTime(float* milliseconds, CUevent from, CUevent to) {
    return state().call("cuEventElapsedTime", kNeedsContext, [&] {
        if (!state().find(from) || !state().find(to)) return CUDA_ERROR_INVALID_HANDLE;
        *milliseconds = 1;
        return CUDA_SUCCESS;
    });
}

CUresult CUDAAPI cuStreamBeginCapture(CUstream stream, CUstreamCaptureMode mode) {
    return state().call("cuStreamBeginCapture", kNeedsContext, [&] {
        StreamState* found = state().find(stream);
        if (!found || found->capturing) return CUDA_ERROR_ILLEGAL_STATE;
        if (mode != CU_STREAM_CAPTURE_MODE_THREAD_LOCAL)
            state().violate("a capture that forbids other threads to allocate");
        found->capturing = true;
        found->spoilt = false;
        found->capturer = std::this_thread::get_id();
        found->recording = {};
        return CUDA_SUCCESS;
    });
}

CUresult CUDAAPI cuStreamEndCapture(CUstream stream, CUgraph* graph) {
    bool spoilt = true;
    Recorded recorded;
    *graph = nullptr;
    {
        // Even a call that fails ends the capture.
        const State::Inside inside(state());
        const std::lock_guard<std::recursive_mutex> lock(state().mutex);
        StreamState* found = state().find(stream);
        if (found && found->capturing) {
            found->capturing = false;
            spoilt = found->spoilt;
            recorded = std::exchange(found->recording, {});
        } else {
            state().violate("a capture ends that did not begin");
        }
    }
    return state().call("cuStreamEndCapture", kNeedsContext, [&] {
        if (spoilt) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
        return add(state().graphs, graph, std::make_unique<Recorded>(std::move(recorded)));
    });
}

CUresult CUDAAPI cuGraphInstantiateWithFlags(CUgraphExec* executable, CUgraph graph,
                                             unsigned long long) {
    return state().call("cuGraphInstantiateWithFlags", kNeedsContext | kForbiddenInCapture, [&] {
        const auto found = state().graphs.find(graph);
        if (found == state().graphs.end()) return CUDA_ERROR_INVALID_HANDLE;
        return add(state().executables, executable, std::make_unique<Recorded>(*found->second));
    });
}

CUresult CUDAAPI cuGraphLaunch(CUgraphExec executable, CUstream stream) {
    return state().call("cuGraphLaunch", kNeedsContext, [&] {
        const auto found = state().executables.find(executable);
        if (found == state().executables.end() || !state().find(stream)) {
            state().violate("a graph is launched that does not exist");
            return CUDA_ERROR_INVALID_HANDLE;
        }
        for (CUevent event : found->second->events) {
            EventState* recorded = state().find(event);
            if (!recorded) return CUDA_ERROR_INVALID_HANDLE;
            ++recorded->recorded;
            recorded->stream = stream;
            recorded->captured = false;
        }
        for (const Work& work : found->second->work) state().submit(stream, work);
        return CUDA_SUCCESS;
    });
}

CUresult CUDAAPI cuGraphDestroy(CUgraph graph) {
    return state().call("cuGraphDestroy", kGivesBack,
                        [&] { return remove(state().graphs, graph, "a graph"); });
}

CUresult CUDAAPI cuGraphExecDestroy(CUgraphExec executable) {
    return state().call("cuGraphExecDestroy", kGivesBack,
                        [&] { return remove(state().executables, executable, "a graph"); });
}

CUresult CUDAAPI cuLaunchKernel(CUfunction, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                                unsigned block_x, unsigned block_y, unsigned block_z, unsigned,
                                CUstream stream, void** parameters, void**) {
    return state().call("cuLaunchKernel", kNeedsContext, [&] {
        if (grid_x < 1 || grid_y < 1 || grid_z != 1 || block_x < 1 || block_x > 1024 ||
            block_y != 1 || block_z != 1)
            return CUDA_ERROR_INVALID_VALUE;
        return queue_crop(stream, grid_x, grid_y, block_x, parameters[0])
                   ? CUDA_SUCCESS
                   : CUDA_ERROR_INVALID_HANDLE;
    });
}
