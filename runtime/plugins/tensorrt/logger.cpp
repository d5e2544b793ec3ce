#include "logger.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace facedge::tensorrt {
namespace {

using Sink = decltype(facedge_backend_host::log);
std::atomic<Sink> sink{nullptr};

void send(facedge_log_level level, const char* text) {
    if (Sink out = sink.load()) out(level, text);
}

// Kept per thread: the calls of one lane are made, and complain, on the thread that plays it.
struct LastErrors {
    char lines[2][200];  // the older one first
    int count;
};
thread_local LastErrors last_errors;

void remember(const char* message) {
    LastErrors& errors = last_errors;
    if (errors.count == 2) std::memcpy(errors.lines[0], errors.lines[1], sizeof errors.lines[0]);
    errors.count = std::min(errors.count + 1, 2);
    char* line = errors.lines[errors.count - 1];
    const size_t length = std::min(std::strcspn(message, "\n"), sizeof errors.lines[0] - 1);
    std::memcpy(line, message, length);
    line[length] = '\0';
}

class Logger final : public nvinfer1::ILogger {
public:
    void log(Severity severity, const char* message) noexcept override {
        facedge_log_level level = FACEDGE_LOG_DEBUG;
        switch (severity) {
            case Severity::kINTERNAL_ERROR:
            case Severity::kERROR:
                // The call that failed makes it an error, or finds another way, as where a plan
                // does not fit and another back end plays the bundle.
                remember(message);
                level = FACEDGE_LOG_INFO;
                break;
            case Severity::kWARNING: level = FACEDGE_LOG_WARNING; break;
            case Severity::kINFO: level = FACEDGE_LOG_INFO; break;
            case Severity::kVERBOSE: break;
        }
        char line[1024];
        const size_t length = std::min(std::strlen(message), sizeof line - 1);
        std::replace_copy(message, message + length, line, '\n', ' ');
        line[length] = '\0';
        send(level, line);
    }
};

}  // namespace

nvinfer1::ILogger& logger() {
    // Never destroyed: TensorRT logs while the process exits, too.
    static auto& instance = *new Logger;
    return instance;
}

void log_to(const facedge_backend_host& host) { sink = host.log; }

void log(facedge_log_level level, const std::string& text) { send(level, text.c_str()); }

std::string take_errors() {
    LastErrors& errors = last_errors;
    std::string text;
    for (int i = 0; i < errors.count; ++i)
        if (text != errors.lines[i])
            text += (text.empty() ? "" : "; ") + std::string(errors.lines[i]);
    errors.count = 0;
    return text.empty() ? "TensorRT gave no reason" : text;
}

}  // namespace facedge::tensorrt
