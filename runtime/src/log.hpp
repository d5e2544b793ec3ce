// One line at a time to the callback that facedge_set_log installed.
#pragma once

#include <facedge/facedge_backend.h>

namespace facedge {

// Formats and sends; longer texts are cut, line breaks become spaces. Allocates nothing.
[[gnu::format(printf, 2, 3)]] void log(facedge_log_level level, const char* format, ...);

// What plug-ins are given.
extern const facedge_backend_host backend_host;

}  // namespace facedge
