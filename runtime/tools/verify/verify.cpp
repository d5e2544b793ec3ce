#include "verify.hpp"

#include "bundle/text.hpp"
#include "log.hpp"
#include "replay.hpp"

#include <algorithm>

namespace facedge::verify {
namespace {

enum { kExitFailed = 3, kExitNothingPlayed = 4 };

// Whether a failure lies in the back end; a damaged bundle or a full memory ends the whole test.
bool is_backends(const Status& status) {
    return status.code() != FACEDGE_EBUNDLE && status.code() != FACEDGE_ENOMEM;
}

// Whether the back end and its library are here at all.
Status find_backend(const std::string& name, const EngineOptions& options, std::string& version) {
    const facedge_backend_table* table = nullptr;
    if (Status status = load_plugin(name, options.plugin_dir, table); !status) return status;
    const char* library = options.library.empty() ? nullptr : options.library.c_str();
    char found[64] = "";
    facedge_error error = {};
    const int code = table->available(&backend_host, library, found, sizeof found, &error);
    if (code != FACEDGE_OK) return Status(backend_code(code), backend_text(error));
    found[sizeof found - 1] = '\0';
    version = found;
    return {};
}

class Test {
public:
    Test(const Bundle& bundle, const Artifact& artifact, const EngineOptions& options, Report& out)
        : bundle_(bundle), artifact_(artifact), options_(options), out_(out) {}

    Status run() {
        std::vector<const GoldenSet*> sets;
        for (const GoldenSet& set : bundle_.manifest().golden)
            if (set.dialect == artifact_.dialect) sets.push_back(&set);
        if (sets.empty())
            return {FACEDGE_EBUNDLE, bundle_.folder() + " has no golden vectors for " +
                                         artifact_.path + " (dialect " + artifact_.dialect +
                                         "); build the bundle again"};
        std::string version;
        if (Status status = find_backend(artifact_.backend, options_, version); !status)
            return note(Outcome::kNotAvailable, status);
        std::unique_ptr<Engine> engine;
        if (Status status = open_engine(bundle_, artifact_, options_, engine); !status) {
            if (status.code() == FACEDGE_EPLAN) return note(Outcome::kNotAvailable, status);
            return is_backends(status) ? note(Outcome::kError, status) : status;
        }
        for (const GoldenSet* set : sets)
            if (Status status = replay(*engine, *set, version, set == sets.front()); !status)
                return is_backends(status) ? note(Outcome::kError, status) : status;
        return {};
    }

private:
    Status note(Outcome outcome, const Status& why) {
        Result result;
        result.backend = artifact_.backend;
        result.artifact = artifact_.path;
        result.outcome = outcome;
        result.detail = why.message();
        out_.results.push_back(std::move(result));
        return {};
    }

    Status replay(const Engine& engine, const GoldenSet& set, const std::string& version,
                  bool timed) {
        Golden golden;
        if (Status status = load_golden(bundle_, set, golden); !status) return status;
        std::unique_ptr<Replay> player;
        Status status = Replay::open(engine, bundle_, artifact_.max_batch, golden, player);
        if (!status) return status;
        std::vector<std::vector<uint8_t>> outputs;
        // Faults of compiled graphs often show at one batch size only.
        for (int32_t batch = player->whole();; batch = 1) {
            if (status = player->play(batch, outputs); !status) return status;
            for (size_t i = 0; i < outputs.size(); ++i)
                add(batch, bundle_.manifest().outputs[i].name,
                    compare(outputs[i], golden.outputs[i], set));
            if (batch == 1) break;
        }
        if (!timed) return {};
        Latency latency{artifact_.backend, version, artifact_.path, 0, 0};
        if (status = player->time_one(latency.median_ms, latency.calls); !status) return status;
        out_.latencies.push_back(std::move(latency));
        return {};
    }

    void add(int32_t batch, const std::string& tensor, Comparison comparison) {
        Result result;
        result.backend = artifact_.backend;
        result.artifact = artifact_.path;
        result.outcome = comparison.passed ? Outcome::kPassed : Outcome::kFailed;
        result.detail = tensor + " of " + artifact_.path + " on " + artifact_.backend + ", batch " +
                        std::to_string(batch) + ", " + comparison.sentence;
        result.tensor = tensor;
        result.batch = batch;
        result.comparison = std::move(comparison);
        out_.results.push_back(std::move(result));
    }

    const Bundle& bundle_;
    const Artifact& artifact_;
    const EngineOptions& options_;
    Report& out_;
};

const Result* first(const Report& report, Outcome outcome) {
    const auto same = [&](const Result& result) { return result.outcome == outcome; };
    const auto found = std::find_if(report.results.begin(), report.results.end(), same);
    return found == report.results.end() ? nullptr : &*found;
}

}  // namespace

const char* outcome_name(Outcome outcome) {
    switch (outcome) {
        case Outcome::kPassed: return "passed";
        case Outcome::kFailed: return "failed";
        case Outcome::kNotAvailable: return "not available";
        case Outcome::kError: return "error";
    }
    return "";
}

Status verify(const Bundle& bundle, const Options& options, Report& out) {
    std::vector<std::string> has;
    bool found = options.backend.empty();
    for (const Artifact& artifact : bundle.manifest().artifacts) {
        found = found || artifact.backend == options.backend;
        if (std::find(has.begin(), has.end(), artifact.backend) == has.end())
            has.push_back(artifact.backend);
    }
    if (!found)
        return {FACEDGE_EBACKEND, bundle.folder() + " has nothing for backend " + options.backend +
                                      "; it has " + listed(has)};
    for (const Artifact& artifact : bundle.manifest().artifacts) {
        if (!options.backend.empty() && artifact.backend != options.backend) continue;
        if (Status status = Test(bundle, artifact, options.engine, out).run(); !status)
            return status;
    }
    return {};
}

int judge(const Report& report, std::string& sentence) {
    if (const Result* failed = first(report, Outcome::kFailed)) {
        sentence = failed->detail;
        return kExitFailed;
    }
    if (const Result* error = first(report, Outcome::kError)) {
        sentence = error->detail;
        return kExitNothingPlayed;
    }
    if (first(report, Outcome::kPassed)) return 0;
    std::vector<std::string> reasons;
    for (const Result& result : report.results)
        if (std::find(reasons.begin(), reasons.end(), result.detail) == reasons.end())
            reasons.push_back(result.detail);
    sentence = "nothing could be verified on this machine: ";
    for (size_t i = 0; i < reasons.size(); ++i) sentence += (i > 0 ? "; " : "") + reasons[i];
    if (reasons.empty()) sentence += "the bundle is empty";
    return kExitNothingPlayed;
}

}  // namespace facedge::verify
