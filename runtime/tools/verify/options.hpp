// The command line of facedge-verify.
#pragma once

#include "plugins/plugin.hpp"

#include <string>

namespace facedge::verify {

struct Options {
    std::string bundle;
    std::string backend;  // empty: all that the bundle has artifacts for
    EngineOptions engine;
    bool json = false;
    bool help = false;
    bool version = false;
};

// Returns why the command line is wrong, as a sentence; empty when it is right. What was understood
// before the mistake is in `out`.
std::string parse_options(int argc, char** argv, Options& out);

extern const char kHelp[];

}  // namespace facedge::verify
