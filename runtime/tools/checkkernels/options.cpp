#include "options.hpp"

#include "../refused_option.hpp"

#include <cerrno>
#include <cstdlib>

namespace facedge::checkkernels {
namespace {

constexpr uint64_t kMostCases = 10000000, kMostDevice = 1023;

// Whether `text` is a whole number up to `most`, and only that.
bool whole_number(const char* text, uint64_t most, uint64_t& out) {
    if (*text < '0' || *text > '9') return false;
    char* end = nullptr;
    errno = 0;
    out = std::strtoull(text, &end, 10);
    return *end == '\0' && errno == 0 && out <= most;
}

}  // namespace

const char kHelp[] =
    R"(facedge-checkkernels [--seed N] [--cases N] [--bench] [--gpu] [--device N] [--json]

Do the fast crops do what their definition says, and how long do they take?

Random frames (all formats, matrices and ranges, odd sizes, padded rows) are cropped at random
places by every implementation that runs here, and compared with the plain reference in double
precision. No value may differ by more than 1 of 255. The CUDA kernel's code is checked too: run by
the processor, and with --gpu on a GPU.

  -s, --seed N    of the random cases; 1
  -n, --cases N   how many; 300
  -b, --bench     then time 4 faces of a 1920x1080 frame, the median of many, in microseconds; on
                  the processor one core
  -g, --gpu       check and time the CUDA kernel on a GPU too
  -d, --device N  which GPU; 0
  -j, --json      print one JSON object
  -V, --version   print the version
  -h, --help      print this

Exit codes
  0  every implementation agrees with the reference
  2  usage
  3  one does not; its first case is printed, and is made again by the same seed
  4  --gpu, and there is no GPU that can be used, or it failed

Examples
  facedge-checkkernels --cases 2000
  facedge-checkkernels --gpu --bench --json > kernels.json
)";

std::string parse_options(int argc, char** argv, Options& out) {
    static const option kLong[] = {
        {"seed", required_argument, nullptr, 's'},
        {"cases", required_argument, nullptr, 'n'},
        {"device", required_argument, nullptr, 'd'},
        {"bench", no_argument, nullptr, 'b'},
        {"gpu", no_argument, nullptr, 'g'},
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
    const auto number = [&](const char* name, uint64_t most, uint64_t& value) {
        if (!whole_number(optarg, most, value))
            note(std::string(name) + " is " + optarg + ", expected a number of 0 to " +
                 std::to_string(most));
    };
    uint64_t device = 0;
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, ":s:n:d:bgjVh", kLong, nullptr)) != -1;) {
        switch (c) {
            case 's': number("--seed", UINT64_MAX, out.seed); break;
            case 'n': number("--cases", kMostCases, out.cases); break;
            case 'd': number("--device", kMostDevice, device); break;
            case 'b': out.bench = true; break;
            case 'g': out.gpu = true; break;
            case 'j': out.json = true; break;
            case 'V': out.version = true; break;
            case 'h': out.help = true; break;
            case ':': note(std::string(argv[optind - 1]) + " needs a value"); break;
            default: note(refused_option(kLong, "facedge-checkkernels", argv[optind - 1])); break;
        }
    }
    out.device = static_cast<int>(device);
    if (wrong.empty() && !out.help && !out.version && optind < argc)
        return std::string(argv[optind]) +
               " is one word too many; nothing but options was expected";
    return wrong;
}

}  // namespace facedge::checkkernels
