#define _GNU_SOURCE
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: (--device /dev/videoN | --input FILE) --rois FILE [options] BUNDLE\n"
    "  --width N --height N   of a frame; 640 480\n"
    "  --format nv12|yuyv     nv12\n"
    "  --matrix 601|709|2020  of a file; a camera says its own\n"
    "  --range limited|full   of a file; a camera says its own\n"
    "  --fps N                of a file; 30\n"
    "  --frames N             stop after N frames\n"
    "  --depth N              frames under way; 2\n"
    "  --backend NAME         such as onnxruntime\n"
    "  --save FOLDER          write FRAME-TRACK.ppm per face\n";

typedef struct word {
    const char *name;
    int32_t value;
} word;

static const word formats[] = {
    {"nv12", FACEDGE_FORMAT_NV12}, {"yuyv", FACEDGE_FORMAT_YUYV}, {NULL, 0}};
static const word matrices[] = {{"601", FACEDGE_MATRIX_BT601},
                                {"709", FACEDGE_MATRIX_BT709},
                                {"2020", FACEDGE_MATRIX_BT2020},
                                {NULL, 0}};
static const word ranges[] = {
    {"limited", FACEDGE_RANGE_LIMITED}, {"full", FACEDGE_RANGE_FULL}, {NULL, 0}};

static void give_up(void) {
    fputs(help, stderr);
    exit(2);
}

static int32_t value_of(const char *given, const word *words) {
    for (; words->name; words++)
        if (!strcmp(given, words->name)) return words->value;
    fprintf(stderr, "%s is unknown\n", given);
    give_up();
    return 0;
}

video_options read_options(int argc, char **argv) {
    enum { DEVICE, INPUT, ROIS, WIDTH, HEIGHT, FORMAT, MATRIX };
    enum { RANGE = MATRIX + 1, FPS, FRAMES, DEPTH, BACKEND, SAVE };
    static const struct option known[] = {
        {"device", required_argument, NULL, DEVICE}, {"input", required_argument, NULL, INPUT},
        {"rois", required_argument, NULL, ROIS},     {"width", required_argument, NULL, WIDTH},
        {"height", required_argument, NULL, HEIGHT}, {"format", required_argument, NULL, FORMAT},
        {"matrix", required_argument, NULL, MATRIX}, {"range", required_argument, NULL, RANGE},
        {"fps", required_argument, NULL, FPS},       {"frames", required_argument, NULL, FRAMES},
        {"depth", required_argument, NULL, DEPTH},   {"backend", required_argument, NULL, BACKEND},
        {"save", required_argument, NULL, SAVE},     {NULL, 0, NULL, 0},
    };
    video_options o = {.depth = 2};
    source_settings *source = &o.source;
    source->format = FACEDGE_FORMAT_NV12;
    source->width = 640, source->height = 480, source->frames_per_second = 30;
    for (int given; (given = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (given) {
            case DEVICE: source->path = optarg, o.is_camera = 1; break;
            case INPUT: source->path = optarg, o.is_camera = 0; break;
            case ROIS: o.rois = optarg; break;
            case WIDTH: source->width = atoi(optarg); break;
            case HEIGHT: source->height = atoi(optarg); break;
            case FORMAT: source->format = value_of(optarg, formats); break;
            case MATRIX: source->matrix = value_of(optarg, matrices); break;
            case RANGE: source->range = value_of(optarg, ranges); break;
            case FPS: source->frames_per_second = atoi(optarg); break;
            case FRAMES: o.frames = atol(optarg); break;
            case DEPTH: o.depth = atoi(optarg); break;
            case BACKEND: o.backend = optarg; break;
            case SAVE: o.save = optarg; break;
            default: give_up();
        }
    }
    if (optind != argc - 1 || !source->path || !o.rois || source->frames_per_second < 1) give_up();
    o.bundle = argv[optind];
    source->buffers = o.depth + 2; /* one that is being filled, one that waits to be submitted */
    return o;
}
