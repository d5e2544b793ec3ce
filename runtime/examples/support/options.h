/* The command line of video_loop and camera_demo. */
#ifndef EXAMPLES_OPTIONS_H
#define EXAMPLES_OPTIONS_H

#include "source.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct video_options {
    source_settings source;
    int is_camera;
    const char *bundle, *backend, *rois;
    const char *save; /* folder for the restored faces, or NULL */
    long frames;      /* 0: no limit */
    int32_t depth;
} video_options;

/* Ends the program with a usage text when the command line makes no sense. */
video_options read_options(int argc, char **argv);

#ifdef __cplusplus
}
#endif
#endif
