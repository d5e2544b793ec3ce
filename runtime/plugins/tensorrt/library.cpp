#include "library.hpp"

#include "../common/library.hpp"
#include "cuda/failure.hpp"
#include "logger.hpp"

namespace facedge::tensorrt {
namespace {

using cuda::Failure;

struct Version {
    int32_t major, minor, patch;
};

// 100300 is 10.3.0; up to TensorRT 9, 8503 was 8.5.3.
Version decode(int32_t number) {
    if (number < 10000) return {number / 1000, number / 100 % 10, number % 100};
    return {number / 10000, number / 100 % 100, number % 100};
}

template <class Function>
Function function(const plugin::Library& library, const char* name) {
    void* found = plugin::symbol(library, name);
    if (!found)
        throw Failure(FACEDGE_EBACKEND,
                      library.file + " has no " + name + "; expected TensorRT 10.3 or later");
    return reinterpret_cast<Function>(found);
}

}  // namespace

TensorRt open_tensorrt(const char* given) {
    const std::string major = std::to_string(NV_TENSORRT_MAJOR);
    plugin::LibrarySearch search;
    search.product = "TensorRT";
    search.given = given;
    search.variable = "FACEDGE_TENSORRT";
    search.names = {"libnvinfer.so." + major};
    search.entry = "createInferRuntime_INTERNAL";
    plugin::Library library;
    cuda::require(plugin::open_library(search, library));

    TensorRt found;
    found.number = function<int32_t (*)()>(library, "getInferLibVersion")();
    const Version version = decode(found.number);
    found.version = std::to_string(version.major) + "." + std::to_string(version.minor) + "." +
                    std::to_string(version.patch);
    if (version.major < 10 || (version.major == 10 && version.minor < 3))
        throw Failure(FACEDGE_EBACKEND, "tensorrt " + found.version +
                                            " is too old; expected 10.3 or later (JetPack 6.1 or "
                                            "later)");
    // Within a major version, interfaces only grow at their ends.
    if (version.major != NV_TENSORRT_MAJOR)
        throw Failure(FACEDGE_EVERSION, library.file + " is TensorRT " + found.version +
                                            " and this plug-in was built for TensorRT " + major +
                                            "; point FACEDGE_TENSORRT to libnvinfer.so." + major +
                                            ", or build the plug-in with the headers of TensorRT " +
                                            std::to_string(version.major));
    found.create_runtime = function<decltype(found.create_runtime)>(library, search.entry);
    return found;
}

std::unique_ptr<nvinfer1::IRuntime> TensorRt::runtime() const {
    // The library's own version in place of the headers': only what 10.3 had is called, so that
    // newer headers need no newer library.
    std::unique_ptr<nvinfer1::IRuntime> made(
        static_cast<nvinfer1::IRuntime*>(create_runtime(&logger(), number)));
    if (!made) throw Failure(FACEDGE_EBACKEND, "TensorRT cannot start: " + take_errors());
    return made;
}

}  // namespace facedge::tensorrt
