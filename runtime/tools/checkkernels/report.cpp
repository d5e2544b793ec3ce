#include "report.hpp"

#include <cstdarg>
#include <cstdio>

namespace facedge::checkkernels {
namespace {

[[gnu::format(printf, 2, 3)]] void append(std::string& out, const char* format, ...) {
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    out += line;
}

std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            append(out, "\\u%04x", c);
        } else {
            out += c;
        }
    }
    return out + '"';
}

}  // namespace

bool Report::agrees() const {
    for (const Verdict& verdict : verdicts) {
        if (verdict.difference.beyond_one > 0) return false;
    }
    return true;
}

std::string table(const Report& report) {
    std::string out;
    append(out, "%-24s %12s %6s %14s\n", "against the reference", "values", "worst",
           "off by over 1");
    for (const Verdict& verdict : report.verdicts) {
        const Difference& difference = verdict.difference;
        append(out, "%-24s %12zu %6d %14zu\n", verdict.what.c_str(), difference.values,
               difference.worst, difference.beyond_one);
        if (!verdict.first_mismatch.empty()) out += "  " + verdict.first_mismatch + "\n";
    }
    if (report.timings.empty()) return out;
    append(out, "\n%-8s %-6s %-8s %5s %6s %6s %10s\n", "kernel", "format", "filter", "crop", "face",
           "faces", "median us");
    for (const Timing& timing : report.timings) {
        append(out, "%-8s %-6s %-8s %5d %6d %6d %10.1f\n", timing.what.c_str(),
               name_of(timing.format), name_of(timing.filter), timing.side, timing.face,
               timing.faces, timing.microseconds);
    }
    return out;
}

std::string json(const Options& options, const Report& report, const std::string& sentence,
                 int exit_code) {
    std::string out;
    append(out, "{\"exit_code\": %d, \"error\": ", exit_code);
    out += quoted(sentence);
    append(out, ", \"seed\": %llu, \"cases\": %llu, \"gpu\": ",
           static_cast<unsigned long long>(options.seed),
           static_cast<unsigned long long>(report.cases));
    out += quoted(report.gpu) + ", \"implementations\": [";
    const char* comma = "";
    for (const Verdict& verdict : report.verdicts) {
        out += comma + std::string("{\"name\": ") + quoted(verdict.what);
        append(out, ", \"values\": %zu, \"worst\": %d, \"beyond_one\": %zu, \"first_mismatch\": ",
               verdict.difference.values, verdict.difference.worst, verdict.difference.beyond_one);
        out += quoted(verdict.first_mismatch) + "}";
        comma = ", ";
    }
    out += "], \"timings\": [";
    comma = "";
    for (const Timing& timing : report.timings) {
        append(out,
               "%s{\"name\": \"%s\", \"format\": \"%s\", \"filter\": \"%s\", \"crop\": %d, "
               "\"face\": %d, \"faces\": %d, \"median_us\": %.2f}",
               comma, timing.what.c_str(), name_of(timing.format), name_of(timing.filter),
               timing.side, timing.face, timing.faces, timing.microseconds);
        comma = ", ";
    }
    return out + "]}\n";
}

}  // namespace facedge::checkkernels
