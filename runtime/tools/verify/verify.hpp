// Replays a bundle's golden vectors on every back end of this machine. Twin of runtime/selftest.py.
#pragma once

#include "comparison.hpp"
#include "options.hpp"

#include <string>
#include <vector>

namespace facedge::verify {

enum class Outcome { kPassed, kFailed, kNotAvailable, kError };

// "passed", "failed", "not available" or "error".
const char* outcome_name(Outcome outcome);

// One comparison, or why there was none.
struct Result {
    std::string backend, artifact;
    Outcome outcome = Outcome::kNotAvailable;
    std::string detail;  // one sentence
    std::string tensor;  // empty when nothing was compared
    int32_t batch = 0;   // pictures per call; 0 when nothing was played
    Comparison comparison;
};

// How fast an artifact plays one picture.
struct Latency {
    std::string backend, version, artifact;
    double median_ms = 0;
    size_t calls = 0;
};

struct Report {
    std::vector<Result> results;
    std::vector<Latency> latencies;
};

// FACEDGE_EBUNDLE: the golden vectors do not fit the manifest, or the graph does not.
// FACEDGE_EBACKEND: the bundle has nothing for options.backend. FACEDGE_ENOMEM.
// What a back end refuses besides is an Outcome::kError of the report.
Status verify(const Bundle& bundle, const Options& options, Report& out);

// Whether a report is a success: FACEDGE_OK, or the sentence and the exit code 3 or 4.
int judge(const Report& report, std::string& sentence);

}  // namespace facedge::verify
