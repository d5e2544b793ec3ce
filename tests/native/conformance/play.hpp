// Plays a case through the public interface.
#pragma once

#include "case.hpp"
#include "compare.hpp"

#include <string>

namespace conformance {

struct Setup {
    std::string backend, library, plugin_dir;  // empty: the library's defaults
    int threads = 1;                           // as the cases were made with
};

// Throws std::runtime_error with the library's sentence when a call fails.
void play(const Case& played, const Setup& setup, Comparison& comparison);

}  // namespace conformance
