/* facedge_backend.h - what a back end plug-in must provide. For authors of plug-ins, not for camera
 * software.
 *
 * A plug-in is a shared object libfacedge_backend_<name>.so that exports one function,
 * facedge_backend. It finds the library it drives with dlopen, so that a missing library is a
 * sentence. The table is append-only: a host reads no member beyond table->size, and a plug-in reads
 * no member of a structure beyond that structure's `size`.
 *
 * An *engine* is one loaded artifact; any thread may open lanes of it, also at once. A *lane* is one
 * frame under way: its own input and output buffers, fixed at lane_open, and whatever the back end
 * needs to run without allocating. One thread at a time uses a lane; different lanes run at once.
 *
 * Functions return FACEDGE_OK or a negative facedge_code and then fill `error` with one sentence.
 * Nothing may throw, and nothing may exit or print.
 */
#ifndef FACEDGE_BACKEND_H
#define FACEDGE_BACKEND_H

#include <facedge/facedge.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FACEDGE_BACKEND_ABI 1u

enum { FACEDGE_MAX_TENSORS = 8, FACEDGE_MAX_RANK = 6, FACEDGE_ERROR_TEXT = 512 };

typedef struct facedge_engine facedge_engine;
typedef struct facedge_lane facedge_lane;

typedef struct facedge_error {
    char text[FACEDGE_ERROR_TEXT];
} facedge_error;

typedef enum facedge_dtype { FACEDGE_UINT8 = 1, FACEDGE_FLOAT32 = 2 } facedge_dtype;

typedef struct facedge_tensor_info {
    const char *name;
    int32_t dtype; /* facedge_dtype */
    int32_t rank;
    int64_t shape[FACEDGE_MAX_RANK]; /* shape[0] is -1, the batch */
} facedge_tensor_info;

/* What the host offers. */
typedef struct facedge_backend_host {
    uint32_t size;
    void (*log)(facedge_log_level level, const char *text); /* any thread */
} facedge_backend_host;

typedef struct facedge_artifact {
    uint32_t size;
    int32_t max_batch;     /* of a plan's profile; 0: no limit */
    const char *path;      /* for messages */
    const char *rebuild;   /* command that makes the plan anew, for messages */
    const char *version;   /* back end version a plan belongs to: "10.3.0", "10.3.0+" or "" */
    const char *device;    /* "sm_87", "sm_86,sm_89", "ampere+" or "" */
    const void *data;      /* the file, compared with its hash; gone after engine_open */
    size_t bytes;
    const facedge_tensor_info *inputs, *outputs; /* the manifest's; gone after engine_open */
    int32_t n_inputs, n_outputs;
} facedge_artifact;

typedef struct facedge_engine_settings {
    uint32_t size;
    int32_t threads;     /* 0: the back end chooses */
    int32_t device;      /* GPU index */
    const char *library; /* file of the driven library; NULL: search */
} facedge_engine_settings;

typedef struct facedge_lane_settings {
    uint32_t size;
    int32_t n_batches;
    const int32_t *batches; /* ascending; each is prepared and run once by lane_open */
    facedge_lane *peer;     /* NULL, or a lane of this back end that never runs at the same time:
                             * scratch memory and CUDA stream may be shared with it; it is closed
                             * after this one */
} facedge_lane_settings;

/* Filled by lane_open: where the host writes inputs and reads outputs, sized for the largest batch,
 * tensors in the manifest's order, each on a multiple of 256 bytes. */
typedef struct facedge_lane_buffers {
    void *inputs[FACEDGE_MAX_TENSORS];
    const void *outputs[FACEDGE_MAX_TENSORS];
    const void *device_outputs[FACEDGE_MAX_TENSORS]; /* GPU addresses, or NULL */
} facedge_lane_buffers;

/* How a crop's pixels come out of a larger picture: as in the network's training. */
typedef enum facedge_filter {
    FACEDGE_FILTER_BICUBIC = 1, /* super-resolution: bicubic, stretched by the reduction */
    FACEDGE_FILTER_AREA = 2     /* action units: bilinear, or the mean of what a pixel covers */
} facedge_filter;

/* Aligned crops out of a frame on the GPU, into rows 0..count-1 of input 0. */
typedef struct facedge_crop_job {
    uint32_t size;
    int32_t count;
    const facedge_frame *frame;      /* memory FACEDGE_MEMORY_CUDA */
    const float (*to_frame)[6];      /* per face: row-major 2x3, crop pixel -> frame */
    int32_t width, height;           /* of a crop */
    int32_t filter;                  /* facedge_filter */
} facedge_crop_job;

typedef struct facedge_backend_table {
    uint32_t abi;  /* FACEDGE_BACKEND_ABI */
    uint32_t size; /* sizeof(facedge_backend_table) the plug-in was built with */
    const char *name;

    /* Whether the library can be used here. `version` receives its version as text. */
    int (*available)(const facedge_backend_host *host, const char *library, char *version,
                     size_t version_bytes, facedge_error *error);

    int (*engine_open)(const facedge_backend_host *host, const facedge_artifact *artifact,
                       const facedge_engine_settings *settings, facedge_engine **engine,
                       facedge_error *error);
    void (*engine_close)(facedge_engine *engine);

    int (*lane_open)(facedge_engine *engine, const facedge_lane_settings *settings,
                     facedge_lane_buffers *buffers, facedge_lane **lane, facedge_error *error);
    void (*lane_close)(facedge_lane *lane);

    /* Starts batches[batch_index]; inputs must stay as they are until `wait` or `inputs_wait`
     * returns. Back ends on the CPU do all the work here. */
    int (*enqueue)(facedge_lane *lane, int32_t batch_index, facedge_error *error);
    /* Returns when the outputs are complete. */
    int (*wait)(facedge_lane *lane, facedge_error *error);

    /* From here on NULL where the back end has no such thing. */

    /* Starts the crops; the following enqueue waits for them and does not read host input 0. With
     * job->count 0: takes back crops that were not followed by an enqueue. */
    int (*crop)(facedge_lane *lane, const facedge_crop_job *job, facedge_error *error);
    /* Returns when the crops have read the frame. */
    int (*crop_wait)(facedge_lane *lane, facedge_error *error);

    /* Returns when the inputs of the last enqueue may be written again, which can be before the
     * outputs are complete. */
    int (*inputs_wait)(facedge_lane *lane, facedge_error *error);
} facedge_backend_table;

/* The plug-in's one export: its table, or NULL if it cannot serve a host of `host_abi`. */
#if defined(FACEDGE_PLUGIN) && defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const facedge_backend_table *facedge_backend(uint32_t host_abi);

typedef const facedge_backend_table *(*facedge_backend_function)(uint32_t host_abi);

#ifdef __cplusplus
}
#endif
#endif
