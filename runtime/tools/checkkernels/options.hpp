// The command line of facedge-checkkernels.
#pragma once

#include <cstdint>
#include <string>

namespace facedge::checkkernels {

struct Options {
    uint64_t seed = 1;
    uint64_t cases = 300;
    int device = 0;
    bool bench = false;
    bool gpu = false;
    bool json = false;
    bool help = false;
    bool version = false;
};

// Returns why the command line is wrong, as a sentence; empty when it is right. What was understood
// before the mistake is in `out`.
std::string parse_options(int argc, char** argv, Options& out);

extern const char kHelp[];

}  // namespace facedge::checkkernels
