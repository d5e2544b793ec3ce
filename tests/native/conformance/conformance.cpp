// conformance CASES --backend NAME [--library FILE] [--plugin-dir FOLDER] [--threads N]
//             [--tolerance LEVELS] [--float-tolerance X] [--psnr DB] [--rounded-tolerance X]
//
// Plays every case of a folder (make_cases.py writes them with the Python runtime) and prints a
// line for each; exit status 1 when one differs.
//
// On the machine and back end the cases were made with, pictures must be equal and floats agree to
// 1e-6. Another processor architecture adds in another order and rounds otherwise (fused or not): a
// sum that lies on .5 may become the next grey level, and floats may differ in their last bits;
// --tolerance and --float-tolerance allow for it. In an INT8 or FP16 network such a last bit may
// move an inner value by a whole step, and steps add up over its layers: --psnr and
// --rounded-tolerance are for cases of those.
#include "play.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <string>

using namespace conformance;

namespace {

int usage() {
    std::fputs("usage: conformance CASES [--backend NAME] [--library FILE] [--plugin-dir FOLDER]\n"
               "  [--threads N] [--tolerance LEVELS] [--float-tolerance X]\n"
               "  [--psnr DB] [--rounded-tolerance X]\n",
               stderr);
    return 2;
}

// Whether the case agrees; prints its line.
bool run(const std::string& folder, const std::string& name, const Setup& setup,
         const Tolerance& exact, const Tolerance& rounded) {
    std::string summary;
    bool passed = false;
    try {
        const Case played = read_case(folder, name);
        Comparison comparison(played.precision == "fp32" ? exact : rounded);
        play(played, setup, comparison);
        passed = comparison.passed();
        summary = comparison.summary();
    } catch (const std::exception& error) {
        summary = error.what();
    }
    std::printf("%s %s: %s\n", passed ? "ok  " : "FAIL", name.c_str(), summary.c_str());
    std::fflush(stdout);
    return passed;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2 || argc % 2) return usage();
    std::map<std::string, std::string> options;
    for (int i = 2; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
    Setup setup;
    Tolerance exact, rounded;
    for (const auto& [option, value] : options) {
        if (option == "--backend") setup.backend = value;
        else if (option == "--library") setup.library = value;
        else if (option == "--plugin-dir") setup.plugin_dir = value;
        else if (option == "--threads") setup.threads = std::atoi(value.c_str());
        else if (option == "--tolerance") exact.levels = rounded.levels = std::atoi(value.c_str());
        else if (option == "--float-tolerance")
            exact.floats = rounded.floats = std::atof(value.c_str());
        else if (option == "--rounded-tolerance") rounded.floats = std::atof(value.c_str());
        else if (option == "--psnr") rounded.psnr = std::atof(value.c_str());
        else return usage();
    }
    try {
        size_t failed = 0;
        const auto names = list_cases(argv[1]);
        for (const std::string& name : names) failed += !run(argv[1], name, setup, exact, rounded);
        std::printf("%zu of %zu cases agree\n", names.size() - failed, names.size());
        return failed || names.empty() ? 1 : 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
