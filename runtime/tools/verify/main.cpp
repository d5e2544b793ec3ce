// facedge-verify: is the bundle whole, and does this machine play it as the builder did?
#include "report.hpp"

#include <cstdio>
#include <exception>
#include <new>

namespace facedge::verify {
namespace {

enum { kExitInput = 2, kExitNothingPlayed = 4 };

int stop(const Options& options, const std::string& sentence, int code) {
    std::fprintf(stderr, "facedge-verify: %s\n", sentence.c_str());
    if (options.json) std::fputs(json(sentence, code).c_str(), stdout);
    return code;
}

int exit_code(const Status& status) {
    const bool backend = status.code() == FACEDGE_EBACKEND || status.code() == FACEDGE_EVERSION ||
                         status.code() == FACEDGE_EPLAN;
    return backend ? kExitNothingPlayed : kExitInput;
}

int run(const Options& options) {
    Bundle bundle;
    if (Status status = Bundle::load(options.bundle, true, bundle); !status)
        return stop(options, status.message(), exit_code(status));
    Report report;
    if (Status status = verify(bundle, options, report); !status)
        return stop(options, status.message(), exit_code(status));
    std::string sentence;
    const int code = judge(report, sentence);
    const size_t files = bundle.manifest().files.size() + 1;  // and the manifest
    const std::string text =
        options.json ? json(options, files, report, sentence, code) : table(options, files, report);
    std::fputs(text.c_str(), stdout);
    if (std::fflush(stdout) != 0) return stop({}, "the output could not be written", kExitInput);
    if (code != 0) std::fprintf(stderr, "facedge-verify: %s\n", sentence.c_str());
    return code;
}

int command(int argc, char** argv) {
    Options options;
    const std::string wrong = parse_options(argc, argv, options);
    if (!wrong.empty()) return stop(options, wrong + " (see --help)", kExitInput);
    if (options.help) {
        std::fputs(kHelp, stdout);
        return 0;
    }
    if (options.version) {
        std::printf("facedge-verify %d.%d\n", FACEDGE_API_MAJOR, FACEDGE_API_MINOR);
        return 0;
    }
    return run(options);
}

}  // namespace
}  // namespace facedge::verify

int main(int argc, char** argv) {
    try {
        return facedge::verify::command(argc, argv);
    } catch (const std::bad_alloc&) {
        std::fputs("facedge-verify: out of memory; free some\n", stderr);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "facedge-verify: %s\n", error.what());
    }
    return facedge::verify::kExitInput;
}
