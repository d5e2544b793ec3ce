#pragma once

#include "image/image.hpp"

#include <cstdarg>
#include <cstdio>

namespace facedge {

// Fills `why` from a printf format and returns `code`.
[[gnu::format(printf, 3, 4)]] inline facedge_code refuse(Refusal& why, facedge_code code,
                                                         const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(why.text, sizeof why.text, format, arguments);
    va_end(arguments);
    why.code = code;
    return code;
}

}  // namespace facedge
