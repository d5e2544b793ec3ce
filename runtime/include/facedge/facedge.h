/* facedge.h - restore small faces and read their action units, frame by frame.
 *
 * A bundle (the folder that `facedge build` writes) becomes a facedge_model; a facedge_stream plays
 * one or two models on the frames of one camera:
 *
 *     facedge_model *model = NULL;
 *     facedge_stream *stream = NULL;
 *     if (facedge_model_open(&model, "bundles/fsr-student-int8", NULL) < 0)
 *         return fail(facedge_last_error());
 *
 *     facedge_stream_settings settings;
 *     facedge_stream_settings_default(&settings);
 *     settings.sr = model;
 *     if (facedge_stream_open(&stream, &settings) < 0)
 *         return fail(facedge_last_error());
 *
 *     facedge_frame frame;
 *     facedge_frame_default(&frame);
 *     frame.format = FACEDGE_FORMAT_NV12;
 *     frame.matrix = FACEDGE_MATRIX_BT709;
 *     frame.range = FACEDGE_RANGE_LIMITED;
 *     frame.width = 1920, frame.height = 1080;
 *     frame.planes[0].data = luma, frame.planes[0].stride = 1920;
 *     frame.planes[1].data = chroma, frame.planes[1].stride = 1920;
 *     frame.timestamp_us = now;
 *     frame.release = give_buffer_back, frame.user = buffer;
 *
 *     facedge_roi face = {.track = 7, .kind = FACEDGE_ROI_LANDMARKS, .points = {...}};
 *     int code = facedge_submit(stream, &frame, &face, 1);
 *     if (code == FACEDGE_EAGAIN) ...       // as many frames as settings.depth are under way: poll
 *
 *     facedge_result result = {.struct_size = sizeof result};
 *     while ((code = facedge_poll(stream, &result)) == FACEDGE_EAGAIN)
 *         ...                               // nothing is ready: do something else, or facedge_wait
 *     if (code == FACEDGE_OK && result.status == FACEDGE_OK)
 *         show(result.faces[0].restored);   // valid until the next facedge_poll
 *
 *     facedge_stream_close(&stream);        // both set the pointer to NULL
 *     facedge_model_close(&model);
 *
 * Threads. A facedge_model may be used by any number of threads at once. A facedge_stream belongs
 * to one thread at a time; a call made while another thread is inside the same stream is refused
 * with FACEDGE_EBUSY. facedge_stream_stats and facedge_stream_fd may be called from any thread.
 *
 * Memory. Everything a stream needs is allocated by facedge_stream_open; facedge_submit,
 * facedge_poll and the worker thread allocate nothing. Whatever a function hands out belongs to the
 * object it came from.
 *
 * Errors. Functions return FACEDGE_OK (0) or a negative code. Except for FACEDGE_EAGAIN, which is no
 * error, facedge_last_error() is then one sentence that says what was found, what was expected and
 * what to do. A refused call changes nothing: the stream stays usable.
 *
 * Structures that may grow begin with struct_size, which the *_default functions set; a structure
 * whose size this library does not know is refused with FACEDGE_EVERSION.
 *
 * Coordinates are pixel indices: an integer is the centre of a pixel, as in OpenCV.
 */
#ifndef FACEDGE_H
#define FACEDGE_H

#include <stddef.h>
#include <stdint.h>

#if defined(FACEDGE_BUILDING) && defined(__GNUC__)
#define FACEDGE_API __attribute__((visibility("default")))
#else
#define FACEDGE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Version of this header: major changes with the SONAME, minor when something is appended. */
#define FACEDGE_API_MAJOR 1
#define FACEDGE_API_MINOR 0

typedef struct facedge_model facedge_model;
typedef struct facedge_stream facedge_stream;

/* What functions return. New codes may be added; treat an unknown negative code as a failure. */
typedef enum facedge_code {
    FACEDGE_OK = 0,
    FACEDGE_EAGAIN = -1,   /* not now: poll before you submit, or nothing is ready yet */
    FACEDGE_EINVAL = -2,   /* an argument is wrong */
    FACEDGE_EVERSION = -3, /* a structure or plug-in of another version */
    FACEDGE_EBUNDLE = -4,  /* the bundle is damaged, altered or not one */
    FACEDGE_EBACKEND = -5, /* no back end can play it here, or the back end failed */
    FACEDGE_EPLAN = -6,    /* the plan is for another device or TensorRT version */
    FACEDGE_EFRAME = -7,   /* the frame's description cannot be true */
    FACEDGE_EROI = -8,     /* a face lies outside the picture, or its landmarks are degenerate */
    FACEDGE_ETOOMANY = -9, /* more faces than settings.max_faces */
    FACEDGE_EBUSY = -10,   /* another thread is inside this stream */
    FACEDGE_EIO = -11,     /* the operating system refused (mmap, eventfd, thread) */
    FACEDGE_ENOMEM = -12
} facedge_code;

/* A short static text for a code, such as "the bundle is damaged, altered or not one". Never NULL. */
FACEDGE_API const char *facedge_strerror(int code);

/* The sentence that goes with the last error of the calling thread; "" before the first. It stays
 * valid and unchanged until this thread's next failing call. Never NULL. */
FACEDGE_API const char *facedge_last_error(void);

/* Version of the loaded library: major << 16 | minor. */
FACEDGE_API uint32_t facedge_version(void);

/* ---- Log ----------------------------------------------------------------------------------- */

typedef enum facedge_log_level {
    FACEDGE_LOG_ERROR = 1,
    FACEDGE_LOG_WARNING = 2,
    FACEDGE_LOG_INFO = 3,
    FACEDGE_LOG_DEBUG = 4
} facedge_log_level;

/* `text` is one line without a newline, valid during the call. May be called from any thread. */
typedef void (*facedge_log_callback)(void *user, facedge_log_level level, const char *text);

/* Sends messages up to `most` to `callback`; NULL is silence, the default. Applies to the whole
 * process. Set it before anything is opened: it is not synchronised with calls under way. */
FACEDGE_API void facedge_set_log(facedge_log_callback callback, void *user, facedge_log_level most);

/* ---- Model --------------------------------------------------------------------------------- */

typedef struct facedge_model_settings {
    size_t struct_size;
    const char *backend;    /* "onnxruntime", "openvino", "tensorrt", ...; NULL: a plan that fits this
                             * device, else the bundle's preferred back end, else any that works */
    const char *plugin_dir; /* where libfacedge_backend_*.so lie; NULL: FACEDGE_PLUGIN_PATH, else the
                             * folder this library was installed with */
    const char *library;    /* file of the back end's own library, such as libonnxruntime.so.1;
                             * NULL: FACEDGE_ONNXRUNTIME, FACEDGE_OPENVINO, FACEDGE_TENSORRT, else
                             * the dynamic linker's search */
    int32_t threads;        /* CPU threads of one inference; 0: the back end chooses */
    int32_t device;         /* GPU index; 0 */
    int32_t verify;         /* 1: hash every file of the bundle now; 0: only those played */
} facedge_model_settings;

FACEDGE_API void facedge_model_settings_default(facedge_model_settings *settings);

/* Opens a bundle: reads and checks it, loads the back end and compiles the graph. Slow (tenths of
 * seconds), allocates. The folder may be removed afterwards.
 *   out       receives the model; set to NULL on failure
 *   bundle    path of the folder
 *   settings  NULL: defaults
 * FACEDGE_EINVAL, FACEDGE_EVERSION, FACEDGE_EBUNDLE, FACEDGE_EBACKEND, FACEDGE_EPLAN,
 * FACEDGE_ENOMEM. */
FACEDGE_API int facedge_model_open(facedge_model **out, const char *bundle,
                                   const facedge_model_settings *settings);

/* Gives the model up and sets *model to NULL; NULL is allowed. Streams that play it keep it alive. */
FACEDGE_API void facedge_model_close(facedge_model **model);

typedef enum facedge_task { FACEDGE_TASK_SR = 1, FACEDGE_TASK_AU = 2 } facedge_task;

typedef struct facedge_model_info {
    size_t struct_size;
    const char *name;            /* such as "fsr-student-int8" */
    const char *precision;       /* "fp32", "fp16" or "int8" */
    const char *backend;         /* which back end plays it */
    const char *backend_version; /* version of its library */
    const char *artifact;        /* which file of the bundle it plays */
    int32_t task;                /* facedge_task */
    int32_t steps;               /* recurrent steps */
    int32_t scale;               /* output side divided by input side; 1 for action units */
    int32_t stateful;            /* whether it carries a hidden state from frame to frame */
    int32_t input_width, input_height;
    int32_t output_width, output_height; /* 0 for action units */
    int32_t max_batch;           /* faces at once, 0: no limit */
    size_t state_floats;         /* floats of one face's hidden state, 0 without */
} facedge_model_info;

/* Fills `info`, whose struct_size must be set; its strings live as long as the model.
 * FACEDGE_EINVAL, FACEDGE_EVERSION. */
FACEDGE_API int facedge_model_describe(const facedge_model *model, facedge_model_info *info);

/* ---- Frames -------------------------------------------------------------------------------- */

typedef enum facedge_format {
    FACEDGE_FORMAT_NV12 = 1, /* planes: Y, then interleaved U V at half size (rounded up) */
    FACEDGE_FORMAT_NV21 = 2, /* planes: Y, then interleaved V U at half size (rounded up) */
    FACEDGE_FORMAT_YUYV = 3, /* one plane: Y U Y V; the width must be even */
    FACEDGE_FORMAT_RGB24 = 4,
    FACEDGE_FORMAT_BGR24 = 5,
    FACEDGE_FORMAT_GRAY8 = 6
} facedge_format;

/* How luma and chroma make RGB. There is no default: a wrong guess shifts every colour. */
typedef enum facedge_matrix {
    FACEDGE_MATRIX_IDENTITY = 1, /* RGB24, BGR24, GRAY8, and only those */
    FACEDGE_MATRIX_BT601 = 2,    /* Kr 0.299, Kb 0.114: SD cameras, most webcams, JPEG */
    FACEDGE_MATRIX_BT709 = 3,    /* Kr 0.2126, Kb 0.0722: HD */
    FACEDGE_MATRIX_BT2020 = 4    /* Kr 0.2627, Kb 0.0593, non-constant luminance */
} facedge_matrix;

typedef enum facedge_range {
    FACEDGE_RANGE_LIMITED = 1, /* luma 16..235, chroma 16..240 */
    FACEDGE_RANGE_FULL = 2     /* 0..255; RGB24 and BGR24 must be full */
} facedge_range;

typedef enum facedge_memory {
    FACEDGE_MEMORY_HOST = 1,   /* planes[i].data */
    FACEDGE_MEMORY_DMABUF = 2, /* planes[i].fd and .offset, mapped while the frame is read */
    FACEDGE_MEMORY_CUDA = 3    /* see facedge_cuda.h */
} facedge_memory;

typedef struct facedge_plane {
    const uint8_t *data; /* first byte of the first row; with DMABUF unused */
    ptrdiff_t stride;    /* bytes from a row to the next, >= the bytes of a row */
    size_t offset;       /* with DMABUF: bytes from the start of the buffer to the first row */
    int32_t fd;          /* with DMABUF: stays the caller's */
} facedge_plane;

/* Called once for every frame that was accepted, as soon as its pixels have been read, which is
 * before inference; from the worker thread, or inside facedge_submit with FACEDGE_MODE_INLINE. It
 * must not call into the stream: such calls are refused with FACEDGE_EBUSY, and facedge_stream_close
 * does nothing. */
typedef void (*facedge_release_callback)(void *user);

enum { FACEDGE_MAX_SIDE = 16384 }; /* largest width and height of a frame */

typedef struct facedge_frame {
    size_t struct_size;
    int32_t format; /* facedge_format */
    int32_t matrix; /* facedge_matrix; 0 is refused */
    int32_t range;  /* facedge_range; 0 is refused */
    int32_t memory; /* facedge_memory; default HOST */
    int32_t width, height; /* 1..FACEDGE_MAX_SIDE, free to change from frame to frame */
    facedge_plane planes[2];
    int64_t timestamp_us; /* of the exposure, any clock that does not jump */
    facedge_release_callback release; /* NULL: the caller keeps the buffer until the result is polled */
    void *user;   /* handed to release */
    void *ready;  /* with memory kinds of facedge_cuda.h: what to wait for; else NULL */
} facedge_frame;

/* Zeroes the frame, sets struct_size and FACEDGE_MEMORY_HOST. */
FACEDGE_API void facedge_frame_default(facedge_frame *frame);

typedef enum facedge_roi_kind {
    FACEDGE_ROI_LANDMARKS = 1, /* points: best */
    FACEDGE_ROI_BOX = 2        /* box: a detector's upright face box, brows to chin; no rotation */
} facedge_roi_kind;

typedef struct facedge_roi {
    uint64_t track; /* which face this is from frame to frame; any number, one face of a frame each */
    int32_t kind;   /* facedge_roi_kind */
    int32_t reserved; /* 0 */
    float points[5][2]; /* x, y of: the eye on the left of the picture, the eye on its right, the tip
                         * of the nose, the mouth corner on the left, the one on the right: the order
                         * of YuNet, RetinaFace and SCRFD */
    float box[4];       /* x, y of the upper left corner, width, height */
} facedge_roi;

/* ---- Stream -------------------------------------------------------------------------------- */

typedef enum facedge_mode {
    FACEDGE_MODE_WORKER = 1, /* submit returns at once; a thread of the stream's own does the work */
    FACEDGE_MODE_INLINE = 2  /* submit does the work and returns when it is done: the least latency */
} facedge_mode;

typedef enum facedge_au_source {
    FACEDGE_AU_FROM_FRAME = 1,   /* action units are read from the camera's pixels */
    FACEDGE_AU_FROM_RESTORED = 2 /* from the restored face: for faces too small to read; needs sr */
} facedge_au_source;

typedef enum facedge_batching {
    FACEDGE_BATCH_POWERS = 1, /* prepare 1, 2, 4, ... max_faces; other counts are filled up */
    FACEDGE_BATCH_EVERY = 2   /* prepare every count: no filling up, a slower start */
} facedge_batching;

typedef struct facedge_stream_settings {
    size_t struct_size;
    facedge_model *sr; /* a super-resolution model, or NULL */
    facedge_model *au; /* an action-unit model, or NULL; at least one of both */
    int32_t mode;      /* facedge_mode; WORKER */
    int32_t au_source; /* facedge_au_source; FROM_FRAME */
    int32_t batching;  /* facedge_batching; POWERS */
    int32_t max_faces; /* in one frame, 1..256; 4 */
    int32_t depth;     /* frames under way or waiting to be polled, 1..16; 2. A stream has depth + 1
                        * sets of buffers: the last polled result keeps one. 0, with INLINE only: one
                        * set for one frame at a time, and accepting a frame ends the last result */
    int32_t max_tracks;     /* hidden states kept, 1..4096 and at least max_faces; the least recently
                             * used is forgotten; 16. Without meaning for stateless models */
    int32_t max_missed;     /* a track absent for more frames than this starts afresh; 5 */
    int64_t max_gap_us;     /* so does one whose last frame is longer ago than this; 500000 */
} facedge_stream_settings;

FACEDGE_API void facedge_stream_settings_default(facedge_stream_settings *settings);

/* Opens a stream: allocates everything and runs every batch size once. Slow, as the back end may
 * compile a graph for each batch size. FACEDGE_EINVAL also when max_faces is more than a plan was
 * built for (facedge_model_info.max_batch).
 * FACEDGE_EINVAL, FACEDGE_EVERSION, FACEDGE_EBACKEND, FACEDGE_EIO, FACEDGE_ENOMEM. */
FACEDGE_API int facedge_stream_open(facedge_stream **out, const facedge_stream_settings *settings);

/* Finishes what is under way, frees everything and sets *stream to NULL; NULL is allowed. Waits for
 * another thread that is inside the stream to leave; none may enter any more. */
FACEDGE_API void facedge_stream_close(facedge_stream **stream);

/* Hands a frame and its faces to the stream. `frame` and `rois` are copied and may go at once; the
 * pixels must stay until frame->release is called, or, without, until the frame's result was polled.
 * `n_rois` may be 0: the result has no faces.
 * FACEDGE_EAGAIN: settings.depth frames (of depth 0 one) are under way or unpolled.
 * FACEDGE_EINVAL, FACEDGE_EVERSION, FACEDGE_EFRAME, FACEDGE_EROI, FACEDGE_ETOOMANY, FACEDGE_EBUSY:
 * refused, nothing was submitted, release is not called. */
FACEDGE_API int facedge_submit(facedge_stream *stream, const facedge_frame *frame,
                               const facedge_roi *rois, size_t n_rois);

/* Faces that are already cropped to the input size of the stream's first model (sr, else au). */
typedef struct facedge_faces {
    size_t struct_size;
    const uint8_t *pixels; /* RGB24 */
    size_t count;
    int32_t width, height;
    ptrdiff_t row_stride;  /* bytes; 0: rows touch */
    ptrdiff_t face_stride; /* bytes from a face to the next; 0: faces touch */
    const uint64_t *tracks; /* one per face; NULL: 0, 1, 2, ... */
    int64_t timestamp_us;
    facedge_release_callback release;
    void *user;
} facedge_faces;

FACEDGE_API void facedge_faces_default(facedge_faces *faces);

/* As facedge_submit, without conversion and alignment. A stream of both sr and au needs
 * FACEDGE_AU_FROM_RESTORED. Landmarks come back in pixels of the input picture. */
FACEDGE_API int facedge_submit_faces(facedge_stream *stream, const facedge_faces *faces);

enum { FACEDGE_ACTION_UNITS = 12, FACEDGE_LANDMARKS = 49 };

/* The action units in the order of the probabilities: 1, 2, 4, 6, 7, 10, 12, 15, 23, 24, 25, 26. */
FACEDGE_API extern const int32_t facedge_action_units[FACEDGE_ACTION_UNITS];

typedef struct facedge_face {
    uint64_t track;
    int32_t fresh;  /* 1: the hidden state began at zero in this frame; 0 for stateless models too */
    int32_t width, height; /* of `restored`, 0 without sr */
    int32_t reserved;
    ptrdiff_t stride;             /* of `restored`, bytes */
    const uint8_t *restored;      /* RGB24, NULL without sr */
    const uint8_t *crop;          /* RGB24, what the first model was given; rows touch; NULL when it
                                   * was made on the GPU */
    const float *probabilities;   /* FACEDGE_ACTION_UNITS values of 0..1, NULL without au */
    const float (*landmarks)[2];  /* FACEDGE_LANDMARKS x, y in the frame, NULL without au */
    float restored_to_frame[2][3]; /* pixel (x, y) of `restored` lies at M * (x, y, 1) in the frame;
                                    * 0 without sr */
} facedge_face;

typedef struct facedge_result {
    size_t struct_size;  /* set before facedge_poll */
    int32_t status;      /* FACEDGE_OK, or what went wrong after the frame was accepted */
    int32_t reserved;
    const char *message; /* a sentence when status is not FACEDGE_OK, else "" */
    uint64_t frame;      /* 0, 1, 2, ... in the order of acceptance, the order of results too */
    int64_t timestamp_us; /* the frame's */
    const facedge_face *faces; /* in the order of the rois; NULL when status is not FACEDGE_OK */
    size_t n_faces;
    uint32_t wait_us;  /* from acceptance until the work began */
    uint32_t crop_us;  /* conversion and alignment; of those on the GPU only their start */
    uint32_t sr_us, au_us;
    uint32_t total_us; /* from acceptance until the result was ready */
} facedge_result;

/* Takes the oldest finished frame. Everything in `result` belongs to the stream and stays valid
 * until the next facedge_poll that returns FACEDGE_OK, or facedge_stream_close; with settings.depth 0
 * until the next frame is accepted.
 * FACEDGE_EAGAIN: none is finished. FACEDGE_EINVAL, FACEDGE_EVERSION, FACEDGE_EBUSY. A frame that
 * failed is a result with a status, and FACEDGE_OK is returned. */
FACEDGE_API int facedge_poll(facedge_stream *stream, facedge_result *result);

/* Waits until facedge_poll would return a result: FACEDGE_OK, or FACEDGE_EAGAIN after `timeout_ms`
 * (negative: no limit) or when nothing is under way. FACEDGE_EINVAL, FACEDGE_EBUSY. */
FACEDGE_API int facedge_wait(facedge_stream *stream, int timeout_ms);

/* A file descriptor for poll, epoll or a GMainLoop: readable while a result waits to be polled.
 * Belongs to the stream; do not read or close it. Negative: FACEDGE_EINVAL, FACEDGE_EIO. */
FACEDGE_API int facedge_stream_fd(facedge_stream *stream);

/* ---- Hidden state -------------------------------------------------------------------------- */

#define FACEDGE_ALL_TRACKS UINT64_MAX

/* Forgets the hidden state of a track, or of all with FACEDGE_ALL_TRACKS; an unknown track and a
 * stateless model are no error. Applies to frames submitted from now on. FACEDGE_EINVAL,
 * FACEDGE_EBUSY. */
FACEDGE_API int facedge_stream_reset(facedge_stream *stream, uint64_t track);

/* Copies a track's hidden state out or in, `floats` values as facedge_model_info.state_floats says;
 * with two stateful models those of sr, then those of au. A state that was set is used by the track's
 * next frame whatever its time, unless max_missed other frames come first.
 * FACEDGE_EAGAIN: frames are under way. FACEDGE_EINVAL: no such track (get), no state, or another
 * size. FACEDGE_EBUSY. */
FACEDGE_API int facedge_stream_get_state(facedge_stream *stream, uint64_t track, float *values,
                                         size_t floats);
FACEDGE_API int facedge_stream_set_state(facedge_stream *stream, uint64_t track,
                                         const float *values, size_t floats);

/* ---- Statistics ---------------------------------------------------------------------------- */

typedef struct facedge_times {
    uint32_t p50_us, p99_us, max_us;
} facedge_times;

typedef struct facedge_stats {
    size_t struct_size; /* set before the call */
    uint64_t accepted;  /* frames */
    uint64_t finished;
    uint64_t failed;    /* of the finished ones */
    uint64_t refused;   /* submits that returned FACEDGE_EAGAIN */
    uint64_t faces;
    facedge_times wait, crop, sr, au, total; /* of the last 512 frames that did not fail; crop, sr
                                              * and au of those that had faces */
} facedge_stats;

/* Takes no lock and disturbs nobody; from any thread. FACEDGE_EINVAL, FACEDGE_EVERSION. */
FACEDGE_API int facedge_stream_stats(const facedge_stream *stream, facedge_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
