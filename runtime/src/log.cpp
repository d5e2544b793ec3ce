#include "log.hpp"

#include <cstdarg>
#include <cstdio>

namespace facedge {
namespace {

struct Sink {
    facedge_log_callback callback = nullptr;
    void* user = nullptr;
    facedge_log_level most = FACEDGE_LOG_ERROR;
} sink;

void forward(facedge_log_level level, const char* text) { log(level, "%s", text ? text : ""); }

}  // namespace

void log(facedge_log_level level, const char* format, ...) {
    const Sink now = sink;
    if (!now.callback || level > now.most) return;
    char text[1024];
    va_list values;
    va_start(values, format);
    std::vsnprintf(text, sizeof text, format, values);
    va_end(values);
    for (char* c = text; *c; ++c) {
        if (*c == '\n' || *c == '\r') *c = ' ';
    }
    now.callback(now.user, level, text);
}

const facedge_backend_host backend_host = {sizeof(facedge_backend_host), forward};

}  // namespace facedge

extern "C" void facedge_set_log(facedge_log_callback callback, void* user, facedge_log_level most) {
    facedge::sink = {callback, user, most};
}
