/* Restores faces and reads their action units on one stream, one JSON object per frame:
 *
 *     two_models [--from-restored] SR_BUNDLE AU_BUNDLE ROIS.txt PICTURE.ppm...
 *
 * Every picture is a frame. With --from-restored the action units are read from the restored face,
 * for faces too small to be read themselves. */
#include "support/ppm.h"
#include "support/rois.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FACES = 16 };

static void print_face(const facedge_face *face) {
    printf("{\"track\": %" PRIu64 ", \"restored\": [%d, %d], \"au\": {", face->track, face->width,
           face->height);
    for (int i = 0; i < FACEDGE_ACTION_UNITS; i++)
        printf("%s\"%d\": %.6f", i ? ", " : "", facedge_action_units[i], face->probabilities[i]);
    printf("}, \"landmarks\": [");
    for (int i = 0; i < FACEDGE_LANDMARKS; i++)
        printf("%s[%.3f, %.3f]", i ? ", " : "", face->landmarks[i][0], face->landmarks[i][1]);
    printf("]}");
}

static void print_result(const facedge_result *result) {
    printf("{\"frame\": %" PRIu64 ", \"sr_us\": %" PRIu32 ", \"au_us\": %" PRIu32 ", \"faces\": [",
           result->frame, result->sr_us, result->au_us);
    for (size_t i = 0; i < result->n_faces; i++) {
        if (i) printf(", ");
        print_face(&result->faces[i]);
    }
    printf("]}\n");
}

/* Submits a picture and prints what becomes of it; FACEDGE_OK, or a code. */
static int play(facedge_stream *stream, const char *path, long number, const roi_list *list) {
    int width, height;
    uint8_t *pixels = ppm_read(path, &width, &height);
    if (!pixels) return FACEDGE_EINVAL;
    facedge_frame frame;
    facedge_frame_default(&frame);
    frame.format = FACEDGE_FORMAT_RGB24;
    frame.matrix = FACEDGE_MATRIX_IDENTITY;
    frame.range = FACEDGE_RANGE_FULL;
    frame.width = width, frame.height = height;
    frame.planes[0].data = pixels, frame.planes[0].stride = 3 * (ptrdiff_t)width;
    frame.timestamp_us = number * 40000;

    facedge_roi rois[MAX_FACES];
    facedge_result result = {.struct_size = sizeof result};
    int code = facedge_submit(stream, &frame, rois, roi_list_of(list, number, rois, MAX_FACES));
    if (code == FACEDGE_OK) code = facedge_poll(stream, &result);
    if (code < 0) fprintf(stderr, "%s: %s\n", path, facedge_last_error());
    else if ((code = result.status) < 0) fprintf(stderr, "%s: %s\n", path, result.message);
    else print_result(&result);
    free(pixels); /* polled: the stream reads it no more */
    return code;
}

int main(int argc, char **argv) {
    const int from_restored = argc > 1 && !strcmp(argv[1], "--from-restored");
    argv += from_restored, argc -= from_restored;
    if (argc < 5) {
        fprintf(stderr, "usage: two_models [--from-restored] SR_BUNDLE AU_BUNDLE ROIS.txt "
                        "PICTURE.ppm...\n");
        return 2;
    }
    roi_list list;
    if (roi_list_read(&list, argv[3])) return 1;
    facedge_model *sr = NULL, *au = NULL;
    facedge_stream *stream = NULL;
    int code = facedge_model_open(&sr, argv[1], NULL);
    if (code == FACEDGE_OK) code = facedge_model_open(&au, argv[2], NULL);
    if (code == FACEDGE_OK) {
        facedge_stream_settings settings;
        facedge_stream_settings_default(&settings);
        settings.sr = sr, settings.au = au;
        settings.au_source = from_restored ? FACEDGE_AU_FROM_RESTORED : FACEDGE_AU_FROM_FRAME;
        settings.mode = FACEDGE_MODE_INLINE;
        settings.max_faces = MAX_FACES;
        code = facedge_stream_open(&stream, &settings);
    }
    /* The stream keeps what it plays. */
    facedge_model_close(&sr);
    facedge_model_close(&au);
    if (code < 0) fprintf(stderr, "%s\n", facedge_last_error());
    for (int i = 4; i < argc && code == FACEDGE_OK; i++) code = play(stream, argv[i], i - 4, &list);
    facedge_stream_close(&stream);
    roi_list_free(&list);
    return code == FACEDGE_OK ? 0 : 1;
}
