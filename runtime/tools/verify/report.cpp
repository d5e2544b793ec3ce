#include "report.hpp"

#include "bundle/text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace facedge::verify {
namespace {

template <class... Arguments>
std::string print(const char* format, Arguments... arguments) {
    char text[80];
    std::snprintf(text, sizeof text, format, arguments...);
    return text;
}

using Row = std::vector<std::string>;

std::string aligned(const std::vector<Row>& rows) {
    std::vector<size_t> widths;
    for (const Row& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    std::string out;
    for (const Row& row : rows) {
        std::string line;
        for (size_t i = 0; i < row.size(); ++i)
            line += row[i] + std::string(widths[i] + 2 - row[i].size(), ' ');
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + '\n';
    }
    return out;
}

std::string measured_text(const Comparison& comparison) {
    if (comparison.unit.empty()) return print("%.3g", comparison.measured);
    if (std::isinf(comparison.measured)) return "identical";
    return print("%.1f dB", comparison.measured);
}

std::string limit_text(const Comparison& comparison) {
    return comparison.unit.empty() ? print("<= %g", comparison.limit)
                                   : print(">= %g dB", comparison.limit);
}

std::string quoted_json(const std::string& text) {
    std::string out = "\"";
    const bool sound = is_utf8(text);  // a path need not be
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || (byte >= 0x80 && !sound)) out += print("\\u%04x", unsigned{byte});
        else if (c == '"' || c == '\\') (out += '\\') += c;
        else out += c;
    }
    return out + '"';
}

std::string number_json(double value) {
    return std::isfinite(value) ? print("%.9g", value) : "null";
}

// Members of an object, each on the line that `indent` begins.
class Object {
public:
    explicit Object(const std::string& separator) : separator_(separator) {}
    Object& add(const char* key, const std::string& json) {
        text_ += (text_.empty() ? "" : separator_) + '"' + key + "\": " + json;
        return *this;
    }
    std::string text() const { return "{" + text_ + "}"; }

private:
    std::string separator_, text_;
};

std::string array(const std::vector<std::string>& elements) {
    std::string out;
    for (const std::string& element : elements) out += (out.empty() ? "\n  " : ",\n  ") + element;
    return "[" + out + "]";
}

}  // namespace

std::string table(const Options& options, size_t files, const Report& report) {
    std::string out = std::to_string(files) + " files match their hashes\n";
    std::vector<Row> rows = {
        {"backend", "artifact", "tensor", "batch", "measured", "limit", "result"}};
    std::string others;
    for (const Result& result : report.results) {
        if (result.batch == 0) {
            others += result.backend + ' ' + result.artifact + ": " + outcome_name(result.outcome) +
                      ": " + result.detail + '\n';
            continue;
        }
        rows.push_back({result.backend, result.artifact, result.tensor,
                        std::to_string(result.batch), measured_text(result.comparison),
                        limit_text(result.comparison), outcome_name(result.outcome)});
    }
    if (rows.size() > 1) out += '\n' + aligned(rows);
    if (!others.empty()) out += '\n' + others;
    if (report.latencies.empty()) return out;
    rows = {{"backend", "version", "artifact", "median of one picture", "calls", "threads"}};
    const int32_t threads = options.engine.threads;
    for (const Latency& latency : report.latencies)
        rows.push_back({latency.backend, latency.version, latency.artifact,
                        print("%.3f ms", latency.median_ms), std::to_string(latency.calls),
                        threads > 0 ? std::to_string(threads) : "its choice"});
    return out + '\n' + aligned(rows);
}

std::string json(const Options& options, size_t files, const Report& report,
                 const std::string& sentence, int exit_code) {
    std::vector<std::string> results, latencies;
    for (const Result& result : report.results) {
        Object object(", ");
        object.add("backend", quoted_json(result.backend))
            .add("artifact", quoted_json(result.artifact))
            .add("status", quoted_json(outcome_name(result.outcome)))
            .add("tensor", quoted_json(result.tensor))
            .add("batch", std::to_string(result.batch))
            .add("detail", quoted_json(result.detail));
        if (result.batch > 0)
            object.add("measured", number_json(result.comparison.measured))
                .add("limit", number_json(result.comparison.limit))
                .add("unit", quoted_json(result.comparison.unit));
        results.push_back(object.text());
    }
    for (const Latency& latency : report.latencies)
        latencies.push_back(Object(", ")
                                .add("backend", quoted_json(latency.backend))
                                .add("version", quoted_json(latency.version))
                                .add("artifact", quoted_json(latency.artifact))
                                .add("batch", "1")
                                .add("median_ms", number_json(latency.median_ms))
                                .add("calls", std::to_string(latency.calls))
                                .add("threads", std::to_string(options.engine.threads))
                                .text());
    Object object(",\n ");
    object.add("bundle", quoted_json(options.bundle))
        .add("files", std::to_string(files))
        .add("results", array(results))
        .add("latencies", array(latencies));
    if (exit_code != 0)
        object.add("error", quoted_json(sentence)).add("exit_code", std::to_string(exit_code));
    return object.text() + '\n';
}

std::string json(const std::string& sentence, int exit_code) {
    return Object(", ")
               .add("error", quoted_json(sentence))
               .add("exit_code", std::to_string(exit_code))
               .text() +
           '\n';
}

}  // namespace facedge::verify
