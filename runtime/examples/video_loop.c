/* Restores the faces of a camera, or of raw frames in a file:
 *
 *     video_loop --device /dev/video0 --rois faces.txt bundles/fsr-student-int8
 *     ffmpeg -i in.mp4 -f rawvideo -pix_fmt nv12 - | video_loop --input - --width 1920
 *         --height 1080 --matrix 709 --range limited --rois faces.txt bundles/fsr-student-int8
 *
 * This thread waits for the camera and for results at once; the stream's own thread does the work.
 * Not yet run on a camera (see support/source_camera.c). */
#include "support/options.h"
#include "support/ppm.h"
#include "support/rois.h"
#include "support/source.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>

enum { MAX_FACES = 16 };

typedef struct video {
    const video_options *options;
    frame_source *source;
    facedge_stream *stream;
    roi_list faces;
    facedge_frame frame; /* taken from the source and not yet accepted, while `waiting` */
    int waiting;
    int ended; /* no more frames will come */
    long taken, dropped;
} video;

static volatile sig_atomic_t interrupted;

static void interrupt(int number) {
    (void)number;
    interrupted = 1;
}

static int show(const facedge_result *result, const char *folder) {
    if (result->status < 0)
        fprintf(stderr, "frame %" PRIu64 " failed: %s\n", result->frame, result->message);
    for (size_t i = 0; i < result->n_faces; i++) {
        const facedge_face *face = &result->faces[i];
        char path[512];
        printf("frame %" PRIu64 " track %" PRIu64 " %dx%d%s\n", result->frame, face->track,
               face->width, face->height, face->fresh ? " fresh" : "");
        snprintf(path, sizeof path, "%s/%" PRIu64 "-%" PRIu64 ".ppm", folder ? folder : "",
                 result->frame, face->track);
        if (folder && ppm_write(path, face->restored, face->width, face->height, face->stride))
            return -1;
    }
    return 0;
}

/* Every result that is ready; -1 ends the program. */
static int deliver(video *v) {
    facedge_result result = {.struct_size = sizeof result};
    while (facedge_poll(v->stream, &result) == FACEDGE_OK)
        if (show(&result, v->options->save)) return -1;
    return 0;
}

/* Takes a frame from the source; -1 ends the program. */
static int take(video *v) {
    source_answer answer = v->source->take(v->source, &v->frame);
    if (answer == SOURCE_ERROR) return -1;
    v->waiting = answer == SOURCE_FRAME;
    v->taken += v->waiting;
    v->ended = answer == SOURCE_END;
    return 0;
}

/* Hands the waiting frame over. A camera's frame that finds the stream full is dropped, so that the
 * next one is fresh; a file's waits for a result to make room. */
static void submit(video *v) {
    facedge_roi rois[MAX_FACES];
    size_t count = roi_list_of(&v->faces, v->taken - 1, rois, MAX_FACES);
    int code = facedge_submit(v->stream, &v->frame, rois, count);
    if (code == FACEDGE_EAGAIN && !v->source->live) return;
    v->waiting = 0;
    if (code == FACEDGE_OK) return;
    v->frame.release(v->frame.user); /* refused, so the buffer is still ours */
    if (code == FACEDGE_EAGAIN) v->dropped++;
    else fprintf(stderr, "frame left out: %s\n", facedge_last_error());
}

static int run(video *v) {
    for (;;) {
        if (v->waiting) submit(v);
        if (interrupted || (v->options->frames && v->taken >= v->options->frames)) v->ended = 1;
        if (v->ended && !v->waiting && facedge_wait(v->stream, -1) == FACEDGE_EAGAIN) return 0;
        struct pollfd ready[2] = {
            {.fd = facedge_stream_fd(v->stream), .events = POLLIN},
            /* poll() passes over a negative descriptor. */
            {.fd = v->ended || v->waiting ? -1 : v->source->fd, .events = POLLIN},
        };
        if (poll(ready, 2, -1) < 0 && errno != EINTR) return -1;
        if (ready[0].revents && deliver(v)) return -1;
        if (ready[1].revents && take(v)) return -1;
    }
}

static void print_times(const char *what, facedge_times times) {
    printf("%-6s %8" PRIu32 " %8" PRIu32 " %8" PRIu32 "\n", what, times.p50_us, times.p99_us,
           times.max_us);
}

static void print_stats(const video *v) {
    facedge_stats stats = {.struct_size = sizeof stats};
    if (facedge_stream_stats(v->stream, &stats) < 0) return;
    printf("%" PRIu64 " frames, %" PRIu64 " faces, %" PRIu64 " failed, %ld dropped\n",
           stats.finished, stats.faces, stats.failed, v->dropped);
    printf("%-6s %8s %8s %8s\n", "us", "p50", "p99", "max");
    print_times("wait", stats.wait);
    print_times("crop", stats.crop);
    print_times("sr", stats.sr);
    print_times("total", stats.total);
}

/* Opens the bundle and a stream on it; FACEDGE_OK or a code. */
static int open_stream(video *v) {
    facedge_model *model = NULL;
    facedge_model_settings how;
    facedge_model_settings_default(&how);
    how.backend = v->options->backend;
    int code = facedge_model_open(&model, v->options->bundle, &how);
    if (code < 0) return code;
    facedge_stream_settings settings;
    facedge_stream_settings_default(&settings);
    settings.sr = model;
    settings.depth = v->options->depth;
    settings.max_faces = MAX_FACES;
    code = facedge_stream_open(&v->stream, &settings);
    facedge_model_close(&model); /* the stream keeps what it plays */
    return code;
}

int main(int argc, char **argv) {
    const video_options options = read_options(argc, argv);
    video v = {.options = &options};
    int failed = 1;
    signal(SIGINT, interrupt);
    if (roi_list_read(&v.faces, options.rois) < 0) return 1;
    v.source =
        options.is_camera ? source_open_camera(&options.source) : source_open_file(&options.source);
    if (v.source && open_stream(&v) < 0) fprintf(stderr, "%s\n", facedge_last_error());
    if (v.stream) failed = run(&v) != 0;
    if (v.stream && !failed) print_stats(&v);
    if (v.waiting) v.frame.release(v.frame.user);
    facedge_stream_close(&v.stream); /* finishes what is under way: buffers come back */
    if (v.source) v.source->close(v.source);
    roi_list_free(&v.faces);
    return failed;
}
