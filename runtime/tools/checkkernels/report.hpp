// What was found, as a table or as JSON.
#pragma once

#include "bench.hpp"
#include "options.hpp"

namespace facedge::checkkernels {

// One implementation against the reference.
struct Verdict {
    std::string what;  // "baseline", "avx2", "kernel on the processor", "gpu"
    Difference difference;
    std::string first_mismatch;  // its case; empty where all agree
};

struct Report {
    uint64_t cases = 0;
    std::string gpu;  // name; empty without
    std::vector<Verdict> verdicts;
    std::vector<Timing> timings;

    bool agrees() const;
};

std::string table(const Report& report);
// `sentence` is why the exit code is not 0.
std::string json(const Options& options, const Report& report, const std::string& sentence,
                 int exit_code);

}  // namespace facedge::checkkernels
