#include "stream/model.hpp"

#include "log.hpp"
#include "stream/choose.hpp"

namespace facedge {
namespace {

int32_t index_of(const std::vector<TensorSpec>& specs, const char* name) {
    for (size_t i = 0; i < specs.size(); ++i) {
        if (specs[i].name == name) return static_cast<int32_t>(i);
    }
    return -1;
}

// parse_manifest has made sure that the tensors of the task are there and agree with each other.
Network describe_network(const Manifest& manifest) {
    Network network;
    network.images = index_of(manifest.inputs, "images");
    network.state_in = index_of(manifest.inputs, "state_in");
    network.restored = index_of(manifest.outputs, "restored");
    network.probabilities = index_of(manifest.outputs, "probabilities");
    network.landmarks = index_of(manifest.outputs, "landmarks");
    network.state_out = index_of(manifest.outputs, "state_out");
    const std::vector<int64_t>& input = manifest.inputs[network.images].shape;  // N, h, w, 3
    network.height = static_cast<int32_t>(input[1]);
    network.width = static_cast<int32_t>(input[2]);
    if (network.restored >= 0) {
        const std::vector<int64_t>& output = manifest.outputs[network.restored].shape;
        network.output_height = static_cast<int32_t>(output[1]);
        network.output_width = static_cast<int32_t>(output[2]);
    }
    if (network.state_in >= 0) network.state_floats = manifest.inputs[network.state_in].elements();
    return network;
}

Status check_sides(const Bundle& bundle) {
    const auto check = [&](const std::vector<TensorSpec>& specs) -> Status {
        for (const TensorSpec& spec : specs) {
            if (spec.dtype != "uint8") continue;
            for (size_t i = 1; i < spec.shape.size(); ++i) {
                if (spec.shape[i] > FACEDGE_MAX_SIDE) {
                    return {FACEDGE_EBUNDLE,
                            bundle.folder() + ": " + spec.name + " has a side of " +
                                std::to_string(spec.shape[i]) + " pixels, expected at most " +
                                std::to_string(FACEDGE_MAX_SIDE) + "; build the bundle again"};
                }
            }
        }
        return {};
    };
    if (Status status = check(bundle.manifest().inputs); !status) return status;
    return check(bundle.manifest().outputs);
}

std::string text_or_empty(const char* text) { return text ? text : ""; }

}  // namespace

Status Model::open(const std::string& folder, const facedge_model_settings& settings,
                   std::shared_ptr<const Model>& out) {
    Bundle bundle;
    if (Status status = Bundle::load(folder, settings.verify != 0, bundle); !status) return status;
    if (Status status = check_sides(bundle); !status) return status;
    EngineOptions options;
    options.plugin_dir = text_or_empty(settings.plugin_dir);
    options.library = text_or_empty(settings.library);
    options.threads = settings.threads;
    options.device = settings.device;
    Chosen chosen;
    if (Status status = choose(bundle, text_or_empty(settings.backend), options, chosen); !status)
        return status;
    auto model = std::make_shared<Model>();
    model->manifest_ = bundle.manifest();
    model->artifact_ = std::move(chosen.artifact);
    model->engine_ = std::move(chosen.engine);
    model->network_ = describe_network(model->manifest_);
    log(FACEDGE_LOG_INFO, "opened %s with %s %s, %s", folder.c_str(),
        model->artifact_.backend.c_str(), model->engine_->version().c_str(),
        model->artifact_.path.c_str());
    out = std::move(model);
    return {};
}

facedge_task Model::task() const {
    return manifest_.task == "action-units" ? FACEDGE_TASK_AU : FACEDGE_TASK_SR;
}

}  // namespace facedge
