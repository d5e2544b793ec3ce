// A plug-in that plays another one and adds up the time spent in it, so that a call's remainder is
// what libfacedge itself takes: free of the back end's own ups and downs, which are larger.
//
// FACEDGE_TIMED_PLUGINS names the folder of the real plug-in, FACEDGE_TIMED_FILE (when compiled) its
// file. The program that measures finds facedge_timed_nanoseconds by dlsym.
#include "clock.hpp"

#include <facedge/facedge_backend.h>

#include <dlfcn.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

facedge_backend_table real_table, timed_table;
std::atomic<int64_t> spent{0};

class Stopwatch {
public:
    Stopwatch() : start_(now()) {}
    ~Stopwatch() { spent.fetch_add(now() - start_, std::memory_order_relaxed); }

private:
    const int64_t start_;
};

int enqueue(facedge_lane* lane, int32_t batch_index, facedge_error* error) {
    const Stopwatch stopwatch;
    return real_table.enqueue(lane, batch_index, error);
}

int wait(facedge_lane* lane, facedge_error* error) {
    const Stopwatch stopwatch;
    return real_table.wait(lane, error);
}

}  // namespace

extern "C" {

__attribute__((visibility("default"))) int64_t facedge_timed_nanoseconds() {
    return spent.load(std::memory_order_relaxed);
}

const facedge_backend_table* facedge_backend(uint32_t host_abi) {
    const char* folder = std::getenv("FACEDGE_TIMED_PLUGINS");
    if (!folder) return nullptr;
    const std::string path = std::string(folder) + "/" FACEDGE_TIMED_FILE;
    void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle) return nullptr;
    const auto entry = reinterpret_cast<facedge_backend_function>(dlsym(handle, "facedge_backend"));
    const facedge_backend_table* real = entry ? entry(host_abi) : nullptr;
    if (!real || real->size > sizeof real_table) return nullptr;
    std::memcpy(&real_table, real, real->size);
    timed_table = real_table;
    timed_table.enqueue = enqueue;
    timed_table.wait = wait;
    return &timed_table;
}
}
