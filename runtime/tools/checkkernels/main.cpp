// facedge-checkkernels: do the fast crops do what their definition says, and how long do they take?
#include "report.hpp"

#include "image/loops.hpp"

#include <crop_on_host.hpp>

#include <cstdio>
#include <exception>
#include <functional>

namespace facedge::checkkernels {
namespace {

enum { kExitUsage = 2, kExitMismatch = 3, kExitNoGpu = 4 };

struct Contender {
    std::string what;
    std::function<std::vector<uint8_t>(const Case&)> cropped;
};

std::vector<uint8_t> kernel_on_host(const Case& one) {
    const facedge_frame frame = one.frame.description();
    facedge_crop_job job = {};
    job.size = sizeof job;
    job.count = 1;
    job.frame = &frame;
    job.to_frame = &one.to_frame.m;
    job.width = one.width;
    job.height = one.height;
    job.filter = one.filter;
    std::vector<uint8_t> rgb(size_t{3} * static_cast<size_t>(one.width) *
                             static_cast<size_t>(one.height));
    crop_on_host(crop_launch(job, 0, reinterpret_cast<uintptr_t>(rgb.data())));
    return rgb;
}

std::vector<Contender> contenders(Gpu* gpu) {
    std::vector<Contender> all;
    NamedLoops kinds[kMaxLoops];
    const int n_kinds = all_loops(kinds);
    for (int i = 0; i < n_kinds; ++i) {
        all.push_back({kinds[i].name, [loops = kinds[i].loops](const Case& one) {
                           use_loops(*loops);
                           return cropped(one);
                       }});
    }
    all.push_back({"kernel on the processor", kernel_on_host});
    if (gpu) all.push_back({"gpu", [gpu](const Case& one) { return gpu->cropped(one); }});
    return all;
}

void check(const Options& options, Gpu* gpu, Report& report) {
    const std::vector<Contender> all = contenders(gpu);
    for (const Contender& contender : all) report.verdicts.push_back({contender.what, {}, {}});
    for (report.cases = 0; report.cases < options.cases; ++report.cases) {
        const Case one = make_case(options.seed, report.cases);
        const std::vector<uint8_t> expected = reference(one);
        for (size_t i = 0; i < all.size(); ++i) {
            Verdict& verdict = report.verdicts[i];
            verdict.difference.add(all[i].cropped(one), expected);
            if (verdict.difference.beyond_one > 0 && verdict.first_mismatch.empty()) {
                verdict.first_mismatch =
                    "case " + std::to_string(report.cases) + ": " + one.description();
            }
        }
    }
    use_loops(fastest_loops());
}

int run(const Options& options) {
    Report report;
    std::string sentence;
    int code = 0;
    std::unique_ptr<Gpu> gpu;
    if (options.gpu) {
        gpu = open_gpu(options.device, sentence);
        if (gpu) {
            report.gpu = gpu->name();
        } else {
            code = kExitNoGpu;
        }
    }
    if (code == 0) {
        try {
            check(options, gpu.get(), report);
            if (options.bench) report.timings = measure(options.seed, gpu.get());
        } catch (const std::exception& error) {
            sentence = error.what();
            code = kExitNoGpu;
        }
    }
    if (code == 0 && !report.agrees()) {
        sentence = "a crop differs from its definition by more than 1; see the case";
        code = kExitMismatch;
    }
    const std::string text = options.json         ? json(options, report, sentence, code)
                             : code == kExitNoGpu ? std::string()
                                                  : table(report);
    std::fputs(text.c_str(), stdout);
    if (std::fflush(stdout) != 0) {
        sentence = "the output could not be written";
        code = kExitUsage;
    }
    if (code != 0) std::fprintf(stderr, "facedge-checkkernels: %s\n", sentence.c_str());
    return code;
}

int command(int argc, char** argv) {
    Options options;
    const std::string wrong = parse_options(argc, argv, options);
    if (!wrong.empty()) {
        std::fprintf(stderr, "facedge-checkkernels: %s (see --help)\n", wrong.c_str());
        if (options.json) std::fputs(json(options, {}, wrong, kExitUsage).c_str(), stdout);
        return kExitUsage;
    }
    if (options.help) {
        std::fputs(kHelp, stdout);
        return 0;
    }
    if (options.version) {
        std::printf("facedge-checkkernels %d.%d\n", FACEDGE_API_MAJOR, FACEDGE_API_MINOR);
        return 0;
    }
    return run(options);
}

}  // namespace
}  // namespace facedge::checkkernels

int main(int argc, char** argv) {
    try {
        return facedge::checkkernels::command(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "facedge-checkkernels: %s\n", error.what());
        return facedge::checkkernels::kExitUsage;
    }
}
