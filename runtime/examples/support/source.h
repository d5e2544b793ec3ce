/* Where frames come from: a camera, or raw frames in a file. */
#ifndef EXAMPLES_SOURCE_H
#define EXAMPLES_SOURCE_H

#include <facedge/facedge.h>

typedef enum source_answer {
    SOURCE_ERROR = -1, /* a sentence is on stderr */
    SOURCE_FRAME = 0,
    SOURCE_NOT_YET = 1,
    SOURCE_END = 2
} source_answer;

typedef struct frame_source {
    int fd;   /* poll for POLLIN before `take` */
    int live; /* frames come by themselves: those that find no room are dropped, not kept */
    /* Fills `frame`, whose release gives the buffer back, from any thread. */
    source_answer (*take)(struct frame_source *source, facedge_frame *frame);
    /* After the stream was closed: it may still hold a buffer. */
    void (*close)(struct frame_source *source);
} frame_source;

typedef struct source_settings {
    const char *path;
    int32_t format;        /* FACEDGE_FORMAT_NV12 or FACEDGE_FORMAT_YUYV */
    int32_t matrix, range; /* 0: what the camera says; a file says nothing */
    int32_t width, height;
    int32_t frames_per_second; /* of a file, for the timestamps */
    int32_t buffers;           /* frames in memory at once */
} source_settings;

/* NULL after a sentence on stderr. "-" is the standard input. */
frame_source *source_open_file(const source_settings *settings);
frame_source *source_open_camera(const source_settings *settings);

#endif
