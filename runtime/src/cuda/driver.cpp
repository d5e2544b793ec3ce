#include "driver.hpp"

#include <dlfcn.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>

namespace facedge::cuda {
namespace {

constexpr const char* kVariable = "FACEDGE_CUDA_DRIVER";

template <class Function>
void find(void* library, const std::string& file, const char* name, Function& out) {
    out = reinterpret_cast<Function>(dlsym(library, name));
    if (!out)
        throw Failure(FACEDGE_EBACKEND,
                      file + " has no " + name + "; expected the driver of CUDA 11.4 or later");
}

}  // namespace

const Driver& Driver::get() {
    // Never destroyed: whatever is freed while the process exits still calls the driver.
    static auto& mutex = *new std::mutex;
    static auto& drivers = *new std::map<std::string, std::unique_ptr<Driver>>;
    const char* given = std::getenv(kVariable);
    const std::string file = given && *given ? given : "libcuda.so.1";
    const std::lock_guard<std::mutex> lock(mutex);
    std::unique_ptr<Driver>& driver = drivers[file];
    if (!driver) driver.reset(new Driver(file));
    return *driver;
}

Driver::Driver(const std::string& file) {
    // Never closed: a driver keeps threads and exit handlers.
    void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library)
        throw Failure(FACEDGE_EBACKEND, std::string("there is no CUDA driver here (") + dlerror() +
                                            "); install NVIDIA's driver, or set " + kVariable +
                                            " to its libcuda.so.1");
// One more macro than it seems to need: it lets cuda.h's names expand to their versioned ones
// first.
#define FACEDGE_CUDA_FIND(name) find(library, file, #name, this->name);
#define FACEDGE_CUDA_FIND_VERSIONED(name) FACEDGE_CUDA_FIND(name)
    FACEDGE_CUDA_FUNCTIONS(FACEDGE_CUDA_FIND_VERSIONED)
#undef FACEDGE_CUDA_FIND_VERSIONED
#undef FACEDGE_CUDA_FIND
    find(library, file, "cuEventElapsedTime", elapsed_time);
    const CUresult started = cuInit(0);
    if (started != CUDA_SUCCESS)
        throw Failure(FACEDGE_EBACKEND, "no CUDA device can be used here: " + describe(started) +
                                            "; expected an NVIDIA GPU and its driver");
}

void Driver::check(CUresult result, const char* call) const {
    if (result == CUDA_SUCCESS) return;
    throw Failure(result == CUDA_ERROR_OUT_OF_MEMORY ? FACEDGE_ENOMEM : FACEDGE_EBACKEND,
                  std::string("CUDA call ") + call + " failed: " + describe(result));
}

std::string Driver::describe(CUresult result) const {
    const char *name = nullptr, *text = nullptr;
    cuGetErrorName(result, &name);
    cuGetErrorString(result, &text);
    if (!name || !text) return "error " + std::to_string(static_cast<int>(result));
    return std::string(text) + " (" + name + ")";
}

int Driver::device_count() const {
    int count = 0;
    check(cuDeviceGetCount(&count), "cuDeviceGetCount");
    if (count < 1)
        throw Failure(FACEDGE_EBACKEND,
                      "no CUDA device can be used here; expected an NVIDIA GPU and its driver");
    return count;
}

std::string Driver::version() const {
    int number = 0;  // 1000 * major + 10 * minor
    check(cuDriverGetVersion(&number), "cuDriverGetVersion");
    return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

}  // namespace facedge::cuda
