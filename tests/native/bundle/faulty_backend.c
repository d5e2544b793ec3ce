/* A back end whose faults the tests choose: its artifact is a text that says what goes wrong.
 *   "right"      every output is zero
 *   "open"       engine_open refuses; "plan" does so as for a plan of another device
 *   "lane"       lane_open refuses
 *   "run"        enqueue refuses
 *   "wait"       wait refuses
 *   "batch"      outputs are 9 in calls of more than one picture
 *   "missing"    (as the library's name) the back end is not available */
#include <facedge/facedge_backend.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct facedge_engine {
    char fault[16];
    int32_t n_inputs, n_outputs;
    size_t input_bytes[FACEDGE_MAX_TENSORS], output_bytes[FACEDGE_MAX_TENSORS]; /* of a row */
};

struct facedge_lane {
    const facedge_engine *engine;
    int32_t batches[8];
    facedge_lane_buffers buffers;
    void *outputs[FACEDGE_MAX_TENSORS];
};

static int refuse(facedge_error *error, int code, const char *what) {
    snprintf(error->text, sizeof error->text, "the faulty back end refuses %s", what);
    return code;
}

static int fails(const facedge_engine *engine, const char *fault) {
    return strcmp(engine->fault, fault) == 0;
}

static size_t row_bytes(const facedge_tensor_info *info) {
    size_t bytes = info->dtype == FACEDGE_FLOAT32 ? sizeof(float) : 1;
    for (int32_t i = 1; i < info->rank; i++) bytes *= (size_t)info->shape[i];
    return bytes;
}

static void *buffer(size_t bytes) { return aligned_alloc(256, (bytes + 255) / 256 * 256); }

static int available(const facedge_backend_host *host, const char *library, char *version,
                     size_t version_bytes, facedge_error *error) {
    (void)host;
    if (library && strcmp(library, "missing") == 0)
        return refuse(error, FACEDGE_EBACKEND, "to be here");
    snprintf(version, version_bytes, "1.2.3");
    return FACEDGE_OK;
}

static int engine_open(const facedge_backend_host *host, const facedge_artifact *artifact,
                       const facedge_engine_settings *settings, facedge_engine **out,
                       facedge_error *error) {
    (void)host, (void)settings;
    facedge_engine *engine = calloc(1, sizeof *engine);
    if (!engine) return refuse(error, FACEDGE_ENOMEM, "without memory");
    snprintf(engine->fault, sizeof engine->fault, "%.*s", (int)artifact->bytes,
             (const char *)artifact->data);
    if (fails(engine, "open") || fails(engine, "plan")) {
        const int code = fails(engine, "plan") ? FACEDGE_EPLAN : FACEDGE_EBACKEND;
        free(engine);
        return refuse(error, code, "the artifact");
    }
    engine->n_inputs = artifact->n_inputs;
    engine->n_outputs = artifact->n_outputs;
    for (int32_t i = 0; i < artifact->n_inputs; i++)
        engine->input_bytes[i] = row_bytes(&artifact->inputs[i]);
    for (int32_t i = 0; i < artifact->n_outputs; i++)
        engine->output_bytes[i] = row_bytes(&artifact->outputs[i]);
    *out = engine;
    return FACEDGE_OK;
}

static void engine_close(facedge_engine *engine) { free(engine); }

static int lane_open(facedge_engine *engine, const facedge_lane_settings *settings,
                     facedge_lane_buffers *buffers, facedge_lane **out, facedge_error *error) {
    if (fails(engine, "lane")) return refuse(error, FACEDGE_EBACKEND, "the lane");
    facedge_lane *lane = calloc(1, sizeof *lane);
    if (!lane) return refuse(error, FACEDGE_ENOMEM, "without memory");
    lane->engine = engine;
    for (int32_t i = 0; i < settings->n_batches; i++) lane->batches[i] = settings->batches[i];
    const size_t rows = (size_t)settings->batches[settings->n_batches - 1];
    for (int32_t i = 0; i < engine->n_inputs; i++)
        lane->buffers.inputs[i] = buffer(rows * engine->input_bytes[i]);
    for (int32_t i = 0; i < engine->n_outputs; i++)
        lane->buffers.outputs[i] = lane->outputs[i] = buffer(rows * engine->output_bytes[i]);
    *buffers = lane->buffers;
    *out = lane;
    return FACEDGE_OK;
}

static void lane_close(facedge_lane *lane) {
    for (int32_t i = 0; i < FACEDGE_MAX_TENSORS; i++) {
        free(lane->buffers.inputs[i]);
        free(lane->outputs[i]);
    }
    free(lane);
}

static int enqueue(facedge_lane *lane, int32_t batch_index, facedge_error *error) {
    const facedge_engine *engine = lane->engine;
    if (fails(engine, "run")) return refuse(error, FACEDGE_EBACKEND, "to run");
    const int32_t batch = lane->batches[batch_index];
    const int value = fails(engine, "batch") && batch > 1 ? 9 : 0;
    for (int32_t i = 0; i < engine->n_outputs; i++)
        memset(lane->outputs[i], value, (size_t)batch * engine->output_bytes[i]);
    return FACEDGE_OK;
}

static int wait_done(facedge_lane *lane, facedge_error *error) {
    if (fails(lane->engine, "wait")) return refuse(error, FACEDGE_EBACKEND, "to finish");
    return FACEDGE_OK;
}

static const facedge_backend_table table = {
    .abi = FACEDGE_BACKEND_ABI,
    .size = sizeof(facedge_backend_table),
    .name = "faulty",
    .available = available,
    .engine_open = engine_open,
    .engine_close = engine_close,
    .lane_open = lane_open,
    .lane_close = lane_close,
    .enqueue = enqueue,
    .wait = wait_done,
};

const facedge_backend_table *facedge_backend(uint32_t host_abi) {
    return host_abi == FACEDGE_BACKEND_ABI ? &table : NULL;
}
