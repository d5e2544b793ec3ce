#include "api.hpp"

#include "../common/library.hpp"

#include <cstdlib>
#include <map>
#include <memory>

namespace facedge::plugin {
namespace {

// 2025.1 renumbered the element types; before it, 4 is float16 and 16 is another type than uint8.
constexpr int kMajor = 2025, kMinor = 1;
static_assert(F32 == 4 && U8 == 16, "build with the headers of OpenVINO 2025.1 or later");

bool is_recent(const std::string& version) {
    char* end = nullptr;
    const long major = std::strtol(version.c_str(), &end, 10);
    const long minor = *end == '.' ? std::strtol(end + 1, nullptr, 10) : 0;
    return major > kMajor || (major == kMajor && minor >= kMinor);
}

std::string expected(const Library& library, const std::string& found) {
    return library.file + " is openvino " + found + "; expected " + std::to_string(kMajor) + "." +
           std::to_string(kMinor) +
           " or later: install a newer one, or name it in FACEDGE_OPENVINO";
}

// OpenVINO's last line says what is wrong; those before it name its own source files.
std::string last_line(const std::string& text) {
    const size_t end = text.find_last_not_of(" \r\n\t");
    if (end == std::string::npos) return "no message";
    const size_t line = text.find_last_of('\n', end);
    return text.substr(line == std::string::npos ? 0 : line + 1, end - line);
}

}  // namespace

Status OpenVino::open(const char* library, OpenVino*& out) {
    Library found;
    const LibrarySearch search = {
        "openvino", library, "FACEDGE_OPENVINO", {"libopenvino_c.so"}, "ov_get_openvino_version"};
    if (Status status = open_library(search, found); !status) return status;

    // Never destroyed: OpenVINO's own threads may outlive this object's turn at exit.
    static auto& opened = *new std::map<void*, std::unique_ptr<OpenVino>>;
    static std::mutex mutex;
    const std::lock_guard<std::mutex> lock(mutex);
    auto& entry = opened[found.handle];
    if (!entry) {
        auto made = std::make_unique<OpenVino>();
        if (Status status = made->load(found); !status) return status;
        entry = std::move(made);
    }
    out = entry.get();
    return {};
}

Status OpenVino::load(const Library& library) {
    const auto resolve = [&](auto& function, const char* name) {
        function = reinterpret_cast<std::decay_t<decltype(function)>>(symbol(library, name));
        return function != nullptr;
    };
    ov_version_t version = {};
    if (!resolve(call_.ov_get_openvino_version, "ov_get_openvino_version") ||
        !resolve(call_.ov_version_free, "ov_version_free") ||
        call_.ov_get_openvino_version(&version) != OK)
        return {FACEDGE_EBACKEND, expected(library, "of unknown version")};
    const std::string build = version.buildNumber;
    version_ = build.substr(0, build.find('-'));
    call_.ov_version_free(&version);
    if (!is_recent(version_)) return {FACEDGE_EBACKEND, expected(library, version_)};
#define FACEDGE_RESOLVE(name) \
    if (!resolve(call_.name, #name)) \
        return {FACEDGE_EBACKEND, library.file + " is openvino " + version_ + \
                                      " and has no " #name "; install another version"};
    FACEDGE_OPENVINO_FUNCTIONS(FACEDGE_RESOLVE)
#undef FACEDGE_RESOLVE
    return {};
}

Status OpenVino::core(ov_core_t*& out) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!core_)
        if (Status status = check(call_.ov_core_create(&core_), "does not start"); !status)
            return status;
    out = core_;
    return {};
}

Status OpenVino::check(ov_status_e code, const std::string& did_what) const {
    if (code == OK) return {};
    const char* message = call_.ov_get_last_err_msg();  // a copy
    const std::string reason = last_line(message ? message : call_.ov_get_error_info(code));
    if (message) call_.ov_free(message);
    return {FACEDGE_EBACKEND, "openvino " + version_ + " " + did_what + ": " + reason};
}

}  // namespace facedge::plugin
