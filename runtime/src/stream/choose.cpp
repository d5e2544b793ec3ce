#include "stream/choose.hpp"

#include "log.hpp"

#include <algorithm>

namespace facedge {
namespace {

std::string contents(const Manifest& manifest) {
    std::string text;
    for (const Artifact& artifact : manifest.artifacts)
        text += (text.empty() ? "" : ", ") + artifact.path + " for " + artifact.backend;
    return text.empty() ? "no artifact" : text;
}

bool has_artifact(const Manifest& manifest, const std::string& backend) {
    return std::any_of(manifest.artifacts.begin(), manifest.artifacts.end(),
                       [&](const Artifact& artifact) { return artifact.backend == backend; });
}

// A bundle may carry plans for several devices: the first that fits is played, and if none does,
// the first's reason is reported.
Status open_first_that_fits(const Bundle& bundle, const std::string& backend,
                            const EngineOptions& options, Chosen& out) {
    Status refusal;
    for (const Artifact& artifact : bundle.manifest().artifacts) {
        if (artifact.backend != backend) continue;
        Status status = open_engine(bundle, artifact, options, out.engine);
        if (status) {
            out.artifact = artifact;
            return {};
        }
        if (refusal) refusal = status;
        if (status.code() != FACEDGE_EPLAN) break;
    }
    return refusal;
}

// Whether another back end may do better: a damaged bundle or a full memory stay what they are.
bool worth_another_try(const Status& status) {
    return status.code() == FACEDGE_EBACKEND || status.code() == FACEDGE_EPLAN ||
           status.code() == FACEDGE_EVERSION;
}

}  // namespace

std::vector<std::string> automatic_order(const Manifest& manifest) {
    std::vector<std::string> wanted = {"tensorrt", "tensorrt-rtx", manifest.preferred,
                                       "onnxruntime", "openvino"};
    for (const Artifact& artifact : manifest.artifacts) wanted.push_back(artifact.backend);
    std::vector<std::string> order;
    for (const std::string& name : wanted) {
        const bool known = std::find(order.begin(), order.end(), name) != order.end();
        if (!known && has_artifact(manifest, name)) order.push_back(name);
    }
    return order;
}

Status choose(const Bundle& bundle, const std::string& backend, const EngineOptions& options,
              Chosen& out) {
    const Manifest& manifest = bundle.manifest();
    if (!backend.empty()) {
        if (!has_artifact(manifest, backend)) {
            return {FACEDGE_EBACKEND, bundle.folder() + " has nothing for back end " + backend +
                                          "; it has " + contents(manifest)};
        }
        return open_first_that_fits(bundle, backend, options, out);
    }
    std::string reasons;
    for (const std::string& name : automatic_order(manifest)) {
        Status status = open_first_that_fits(bundle, name, options, out);
        if (status || !worth_another_try(status)) return status;
        log(FACEDGE_LOG_INFO, "passed over %s: %s", name.c_str(), status.message().c_str());
        reasons += (reasons.empty() ? "" : "; ") + status.message();
    }
    return {FACEDGE_EBACKEND, "no back end can play " + bundle.folder() + " here, which has " +
                                  contents(manifest) + (reasons.empty() ? "" : ": " + reasons)};
}

}  // namespace facedge
