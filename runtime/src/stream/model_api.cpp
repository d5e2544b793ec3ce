// The part of facedge.h about models.
#include "stream/interface.hpp"
#include "stream/model.hpp"

using namespace facedge;

extern "C" {

void facedge_model_settings_default(facedge_model_settings* settings) {
    if (!settings) return;
    *settings = {};
    settings->struct_size = sizeof *settings;
}

int facedge_model_open(facedge_model** out, const char* bundle,
                       const facedge_model_settings* settings) {
    if (!out) return refuse_null("facedge_model_open", "out");
    *out = nullptr;
    if (!bundle) return refuse_null("facedge_model_open", "bundle");
    facedge_model_settings defaults;
    facedge_model_settings_default(&defaults);
    if (!settings) settings = &defaults;
    if (int code = check_struct_size(*settings, "facedge_model_settings")) return code;
    if (settings->threads < 0 || settings->threads > 1024) {
        return fail(FACEDGE_EINVAL,
                    "settings.threads is %d, expected 0 (the back end chooses) to "
                    "1024",
                    settings->threads);
    }
    if (settings->device < 0) {
        return fail(FACEDGE_EINVAL, "settings.device is %d, expected the index of a GPU, 0 or more",
                    settings->device);
    }
    return guarded("facedge_model_open", [&]() -> Status {
        auto handle = std::make_unique<facedge_model>();
        if (Status status = Model::open(bundle, *settings, handle->model); !status) return status;
        *out = handle.release();
        return {};
    });
}

void facedge_model_close(facedge_model** model) {
    if (!model) return;
    delete *model;
    *model = nullptr;
}

int facedge_model_describe(const facedge_model* model, facedge_model_info* info) {
    if (!model) return refuse_null("facedge_model_describe", "model");
    if (!info) return refuse_null("facedge_model_describe", "info");
    if (int code = check_struct_size(*info, "facedge_model_info")) return code;
    const Model& played = *model->model;
    const Manifest& manifest = played.manifest();
    const Network& network = played.network();
    info->name = manifest.name.c_str();
    info->precision = manifest.precision.c_str();
    info->backend = played.artifact().backend.c_str();
    info->backend_version = played.engine().version().c_str();
    info->artifact = played.artifact().path.c_str();
    info->task = played.task();
    info->steps = manifest.steps;
    info->scale = manifest.scale;
    info->stateful = manifest.stateful;
    info->input_width = network.width;
    info->input_height = network.height;
    info->output_width = network.output_width;
    info->output_height = network.output_height;
    info->max_batch = played.artifact().max_batch;
    info->state_floats = network.state_floats;
    return FACEDGE_OK;
}

}  // extern "C"
