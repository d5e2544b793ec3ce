#include "options.hpp"

#include "../refused_option.hpp"

#include <cstdlib>

namespace facedge::verify {
namespace {

constexpr int kMostThreads = 1024;

// 1..kMostThreads, or 0 for anything else.
int32_t thread_count(const char* text) {
    char* end = nullptr;
    const long value = std::strtol(text, &end, 10);
    return *text != '\0' && *end == '\0' && value >= 1 && value <= kMostThreads
               ? static_cast<int32_t>(value)
               : 0;
}

}  // namespace

const char kHelp[] =
    R"(facedge-verify BUNDLE [--backend B] [--threads N] [--plugin-dir D] [--library F] [--json]

Is the bundle whole, and does this machine play it as the builder did?

Every file is compared with its SHA-256. Then each artifact replays the golden vectors that the
builder stored, all pictures in one batch and one by one, on its back end. Pictures must agree to
the bundle's PSNR limit, numbers to its absolute difference. Each back end's median time for one
picture is measured too, for about half a second: an impression, not a benchmark.

  BUNDLE              folder made by facedge build
  -b, --backend B     only this back end, such as onnxruntime; all that the bundle has otherwise
  -t, --threads N     CPU threads of one inference; the back end chooses otherwise
  -d, --plugin-dir D  folder of libfacedge_backend_*.so; FACEDGE_PLUGIN_PATH, else the folder they
                      were installed in
  -l, --library F     file of the back end's own library, such as libonnxruntime.so.1; needs
                      --backend. Otherwise FACEDGE_ONNXRUNTIME, FACEDGE_OPENVINO and
                      FACEDGE_TENSORRT, else the dynamic linker's search
  -j, --json          print one JSON object
  -V, --version       print the version
  -h, --help          print this

Exit codes
  0  every back end that is here agrees, and at least one is here
  2  usage or input: no bundle, damaged, altered, or its parts do not fit each other
  3  a comparison failed: this machine does not play the bundle as it was built
  4  nothing could be played: no back end is here, or one that is here refused

A back end that is not installed, and a plan for another device, are listed and not judged.

Examples
  facedge-verify bundles/fsr-student-int8
  facedge-verify bundles/fsr-student-int8 --backend tensorrt --json
  FACEDGE_ONNXRUNTIME=/opt/ort/lib/libonnxruntime.so.1 facedge-verify bundles/fsr-student-int8
)";

std::string parse_options(int argc, char** argv, Options& out) {
    static const option kLong[] = {
        {"backend", required_argument, nullptr, 'b'},
        {"threads", required_argument, nullptr, 't'},
        {"plugin-dir", required_argument, nullptr, 'd'},
        {"library", required_argument, nullptr, 'l'},
        {"json", no_argument, nullptr, 'j'},
        {"version", no_argument, nullptr, 'V'},
        {"help", no_argument, nullptr, 'h'},
        {nullptr, 0, nullptr, 0},
    };
    std::string wrong;
    // Only the first mistake is said, but --json counts wherever it stands.
    const auto note = [&](const std::string& mistake) {
        if (wrong.empty()) wrong = mistake;
    };
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, ":b:t:d:l:jVh", kLong, nullptr)) != -1;) {
        switch (c) {
            case 'b': out.backend = optarg; break;
            case 'd': out.engine.plugin_dir = optarg; break;
            case 'l': out.engine.library = optarg; break;
            case 'j': out.json = true; break;
            case 'V': out.version = true; break;
            case 'h': out.help = true; break;
            case 't':
                out.engine.threads = thread_count(optarg);
                if (out.engine.threads == 0)
                    note(std::string("--threads is ") + optarg + ", expected a number of 1 to " +
                         std::to_string(kMostThreads));
                break;
            case ':': note(std::string(argv[optind - 1]) + " needs a value"); break;
            default: note(refused_option(kLong, "facedge-verify", argv[optind - 1])); break;
        }
    }
    if (!wrong.empty() || out.help || out.version) return wrong;
    if (optind == argc) return "no bundle was given; name its folder";
    if (optind + 1 < argc)
        return std::string("one bundle was expected, and ") + argv[optind + 1] + " is a second one";
    if (!out.engine.library.empty() && out.backend.empty())
        return "--library is one back end's library; say which with --backend";
    out.bundle = argv[optind];
    return {};
}

}  // namespace facedge::verify
