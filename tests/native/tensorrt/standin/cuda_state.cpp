#include "cuda_state.hpp"

#include <algorithm>
#include <cstring>

namespace standin {
namespace {

thread_local int depth = 0;

}  // namespace

thread_local std::vector<CUcontext> State::current;

State& state() {
    static State& only = *new State;  // the plug-in frees things while the process exits
    return only;
}

extern "C" Cuda* standin_cuda() { return &state(); }

void State::enter(int step) { depth += step; }
bool State::inside() const { return depth > 0; }

void State::reset(const Machine& next) {
    const Inside inside(*this);
    const std::lock_guard<std::recursive_mutex> lock(mutex);
    machine = next;
    contexts = 0;
    streams.clear();
    events.clear();
    graphs.clear();
    executables.clear();
    device_blocks.clear();
    host_blocks.clear();
    modules.clear();
    current.clear();
    violations_.clear();
    calls_.clear();
    until_failure_ = 0;
    failing_name_.clear();
}

void State::fail_call(int n, CUresult result) {
    const std::lock_guard<std::recursive_mutex> lock(mutex);
    until_failure_ = n;
    failing_name_.clear();
    failure_ = result;
}

void State::fail_call(const std::string& name, CUresult result) {
    const std::lock_guard<std::recursive_mutex> lock(mutex);
    until_failure_ = 0;
    failing_name_ = name;
    failure_ = result;
}

bool State::failure_pending() const {
    const std::lock_guard<std::recursive_mutex> lock(mutex);
    return until_failure_ > 0 || !failing_name_.empty();
}

Live State::live() const {
    const std::lock_guard<std::recursive_mutex> lock(mutex);
    const auto count = [](const auto& objects) { return static_cast<int>(objects.size()); };
    return {contexts,      count(current),       count(streams),
            count(events), count(device_blocks), count(host_blocks),
            count(graphs), count(executables),   count(modules)};
}

std::vector<std::string> State::violations() const {
    const std::lock_guard<std::recursive_mutex> lock(mutex);
    return violations_;
}

std::vector<std::string> State::calls() const {
    const std::lock_guard<std::recursive_mutex> lock(mutex);
    return calls_;
}

void State::clear_calls() {
    const std::lock_guard<std::recursive_mutex> lock(mutex);
    calls_.clear();
}

size_t State::device_bytes() const {
    const std::lock_guard<std::recursive_mutex> lock(mutex);
    size_t bytes = 0;
    for (const auto& [address, block] : device_blocks) bytes += block.bytes;
    return bytes;
}

void State::violate(const std::string& rule) {
    const std::lock_guard<std::recursive_mutex> lock(mutex);
    violations_.push_back(rule);
}

CUresult State::begin(const char* name, unsigned rules) {
    calls_.push_back(name);
    if ((rules & kNeedsContext) && current.empty()) {
        violate(std::string(name) + " without a current context");
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    if (rules & kForbiddenInCapture) {
        for (auto& [handle, stream] : streams) {
            if (!stream->capturing || stream->capturer != std::this_thread::get_id()) continue;
            violate(std::string(name) + " inside of a capture");
            stream->spoilt = true;
            return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
        }
    }
    const bool named = failing_name_ == name;
    const bool counted = !(rules & kGivesBack) && until_failure_ > 0 && --until_failure_ == 0;
    if (!named && !counted) return CUDA_SUCCESS;
    failing_name_.clear();
    return failure_;
}

StreamState* State::find(CUstream stream) {
    if (!stream) {
        violate("work on the default stream");
        return nullptr;
    }
    const auto found = streams.find(stream);
    if (found != streams.end()) return found->second.get();
    violate("work on a stream that does not exist");
    return nullptr;
}

EventState* State::find(CUevent event) {
    const auto found = events.find(event);
    if (found != events.end()) return found->second.get();
    violate("use of an event that does not exist");
    return nullptr;
}

bool State::capturing(CUstream handle) const {
    const std::lock_guard<std::recursive_mutex> lock(mutex);
    const auto found = streams.find(handle);
    return found != streams.end() && found->second->capturing;
}

void State::spoil_capture(CUstream handle) {
    const std::lock_guard<std::recursive_mutex> lock(mutex);
    if (StreamState* stream = find(handle)) stream->spoilt = true;
}

bool State::submit(CUstream handle, Work work) {
    const Inside inside(*this);
    const std::lock_guard<std::recursive_mutex> lock(mutex);
    StreamState* stream = find(handle);
    if (!stream) return false;
    if (stream->capturing) {
        stream->recording.work.push_back(std::move(work));
        return true;
    }
    stream->queue.push_back(std::move(work));
    if (!machine.deferred) drain(*stream);
    return true;
}

void State::record(CUstream handle, CUevent event) {
    const std::lock_guard<std::recursive_mutex> lock(mutex);
    StreamState* stream = find(handle);
    EventState* recorded = find(event);
    if (!stream || !recorded) return;
    recorded->captured = stream->capturing;
    if (stream->capturing) return violate("a record in a capture, which launches do not repeat");
    const int number = ++recorded->recorded;
    recorded->stream = handle;
    submit(handle, [this, event, number] {
        const auto found = events.find(event);
        if (found != events.end()) found->second->done = std::max(found->second->done, number);
    });
}

void State::drain(StreamState& stream) {
    while (!stream.queue.empty()) {
        const Work work = std::move(stream.queue.front());
        stream.queue.pop_front();
        work();
    }
}

void State::drain_until(EventState& event, int record) {
    const auto found = streams.find(event.stream);
    while (event.done < record && found != streams.end() && !found->second->queue.empty()) {
        const Work work = std::move(found->second->queue.front());
        found->second->queue.pop_front();
        work();
    }
    if (event.done < record) violate("wait for an event that is never reached");
}

Block State::make_block(size_t bytes) const {
    constexpr size_t kAlignment = 256, kOff = 64;
    Block block;
    block.storage.reset(new unsigned char[bytes + 2 * kAlignment]);
    const auto address = reinterpret_cast<uintptr_t>(block.storage.get());
    const uintptr_t start = (address + kAlignment - 1) / kAlignment * kAlignment + kOff;
    block.start = block.storage.get() + (start - address);
    block.bytes = bytes;
    std::memset(block.start, 0xA5, bytes);
    return block;
}

unsigned char* State::memory(CUdeviceptr address, size_t bytes) {
    const std::lock_guard<std::recursive_mutex> lock(mutex);
    auto* host = reinterpret_cast<unsigned char*>(address - kDeviceOffset);
    const auto holds = [&](const auto& entry) {
        const Block& block = entry.second;
        const auto start = reinterpret_cast<uintptr_t>(block.start) + kDeviceOffset;
        return block.mapped && address >= start && address + bytes <= start + block.bytes;
    };
    if (std::any_of(device_blocks.begin(), device_blocks.end(), holds) ||
        std::any_of(host_blocks.begin(), host_blocks.end(), holds))
        return host;
    violate("access outside of device memory");
    return nullptr;
}

bool State::is_page_locked(const void* address, size_t bytes) const {
    const auto first = reinterpret_cast<uintptr_t>(address);
    return std::any_of(host_blocks.begin(), host_blocks.end(), [&](const auto& entry) {
        const auto start = reinterpret_cast<uintptr_t>(entry.second.start);
        return first >= start && first + bytes <= start + entry.second.bytes;
    });
}

}  // namespace standin
