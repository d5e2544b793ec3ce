#include "api.hpp"

#include "../common/library.hpp"

#include <cstdlib>

namespace facedge::plugin {
namespace {

// The table only grows, so any later library serves this version. 1.18 is the first that reads ONNX
// IR version 10, in which bundles are written.
constexpr int kMajor = 1, kMinor = 18;
static_assert(ORT_API_VERSION >= kMinor, "build with the headers of ONNX Runtime 1.18 or later");

bool is_recent(const char* version) {
    char* end = nullptr;
    const long major = std::strtol(version, &end, 10);
    const long minor = *end == '.' ? std::strtol(end + 1, nullptr, 10) : 0;
    return major > kMajor || (major == kMajor && minor >= kMinor);
}

}  // namespace

Status OnnxRuntime::check(OrtStatus* status, const std::string& did_what) const {
    if (!status) return {};
    const auto owned = own(status, api->ReleaseStatus);
    return {FACEDGE_EBACKEND,
            "onnxruntime " + version + " " + did_what + ": " + api->GetErrorMessage(status)};
}

Status open_onnxruntime(const char* library, OnnxRuntime& out) {
    // ONNX Runtime 1.29 and later report sessions to their maker unless this is set before they are
    // loaded; "0" turns it on again.
    setenv("ORT_DISABLE_TELEMETRY", "1", 0);

    Library found;
    const LibrarySearch search = {"onnxruntime",
                                  library,
                                  "FACEDGE_ONNXRUNTIME",
                                  {"libonnxruntime.so.1", "libonnxruntime.so"},
                                  "OrtGetApiBase"};
    if (Status status = open_library(search, found); !status) return status;
    const auto get_base = reinterpret_cast<decltype(&::OrtGetApiBase)>(symbol(found, search.entry));
    const OrtApiBase* base = get_base();
    const char* version = base->GetVersionString();
    // Asked for a version it lacks, GetApi prints; so the version is compared first.
    const OrtApi* api = is_recent(version) ? base->GetApi(kMinor) : nullptr;
    if (!api)
        return {FACEDGE_EBACKEND, found.file + " is onnxruntime " + version + "; expected " +
                                      std::to_string(kMajor) + "." + std::to_string(kMinor) +
                                      " or later: install a newer one, or name it in "
                                      "FACEDGE_ONNXRUNTIME"};
    out = {api, version};
    return {};
}

}  // namespace facedge::plugin
