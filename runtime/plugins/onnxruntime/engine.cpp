#include "engine.hpp"

#include "graph.hpp"

#include <algorithm>
#include <atomic>

namespace facedge::plugin {
namespace {

// ONNX Runtime has one logger per process, so there is one place to send its messages to.
std::atomic<void (*)(facedge_log_level, const char*)> host_log{nullptr};

void forward(void*, OrtLoggingLevel severity, const char*, const char*, const char*,
             const char* message) {
    const auto log = host_log.load();
    if (!log || !message) return;
    const int level = FACEDGE_LOG_ERROR + std::max(0, ORT_LOGGING_LEVEL_ERROR - severity);
    log(static_cast<facedge_log_level>(std::min<int>(level, FACEDGE_LOG_DEBUG)), message);
}

Status create_session(const OnnxRuntime& runtime, const facedge_artifact& artifact, int32_t threads,
                      const OrtEnv* environment, Handle<OrtSession>& out) {
    const OrtApi& api = *runtime.api;
    const auto check = [&](OrtStatus* status) {
        return runtime.check(status, "refuses its settings");
    };
    OrtSessionOptions* raw = nullptr;
    if (Status status = check(api.CreateSessionOptions(&raw)); !status) return status;
    const auto options = own(raw, api.ReleaseSessionOptions);
    if (Status status = check(api.SetSessionLogSeverityLevel(raw, ORT_LOGGING_LEVEL_ERROR));
        !status)
        return status;
    if (Status status = check(api.SetInterOpNumThreads(raw, 1)); !status) return status;
    if (threads > 0)
        if (Status status = check(api.SetIntraOpNumThreads(raw, threads)); !status) return status;
    OrtSession* session = nullptr;
    OrtStatus* refusal =
        api.CreateSessionFromArray(environment, artifact.data, artifact.bytes, raw, &session);
    if (Status status = runtime.check(refusal, std::string("refuses the model ") + artifact.path);
        !status)
        return status;
    out = own(session, api.ReleaseSession);
    return {};
}

}  // namespace
}  // namespace facedge::plugin

using namespace facedge::plugin;
using facedge::Status;

Status facedge_engine::open(const facedge_backend_host& host, const facedge_artifact& artifact,
                            const facedge_engine_settings& settings,
                            std::unique_ptr<facedge_engine>& out) {
    auto engine = std::make_unique<facedge_engine>();
    engine->path = artifact.path;
    engine->max_batch = artifact.max_batch;
    engine->inputs = copy_tensors(artifact.inputs, artifact.n_inputs);
    engine->outputs = copy_tensors(artifact.outputs, artifact.n_outputs);
    if (Status status = open_onnxruntime(settings.library, engine->runtime); !status) return status;
    const OnnxRuntime& runtime = engine->runtime;
    const OrtApi& api = *runtime.api;

    host_log = host.log;
    OrtEnv* environment = nullptr;
    if (Status status =
            runtime.check(api.CreateEnvWithCustomLogger(forward, nullptr, ORT_LOGGING_LEVEL_ERROR,
                                                        "facedge", &environment),
                          "does not start");
        !status)
        return status;
    engine->environment = own(environment, api.ReleaseEnv);
    OrtMemoryInfo* cpu = nullptr;
    if (Status status =
            runtime.check(api.CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &cpu),
                          "has no memory of the CPU");
        !status)
        return status;
    engine->cpu = own(cpu, api.ReleaseMemoryInfo);

    if (Status status =
            create_session(runtime, artifact, settings.threads, environment, engine->session);
        !status)
        return status;
    std::vector<Tensor> inputs, outputs;
    if (Status status = read_graph(runtime, engine->session.get(), inputs, outputs); !status)
        return status;
    if (Status status =
            check_tensors(engine->path, engine->inputs, engine->outputs, inputs, outputs);
        !status)
        return status;
    out = std::move(engine);
    return {};
}
