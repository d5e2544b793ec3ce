/* Raw frames, one after the other, rows touching: what `ffmpeg -f rawvideo -pix_fmt nv12` writes. */
#define _POSIX_C_SOURCE 200809L
#include "source.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct frame_buffer {
    uint8_t *pixels;
    atomic_int taken;
} frame_buffer;

typedef struct file_source {
    frame_source base;
    source_settings settings;
    size_t frame_bytes;
    int64_t frames;
    frame_buffer buffers[]; /* settings.buffers of them */
} file_source;

static void give_back(void *user) { atomic_store(&((frame_buffer *)user)->taken, 0); }

static frame_buffer *free_buffer(file_source *self) {
    for (int i = 0; i < self->settings.buffers; i++)
        if (!atomic_load(&self->buffers[i].taken)) return &self->buffers[i];
    return NULL;
}

/* Bytes read; fewer than asked for at the end only. */
static size_t read_all(int fd, uint8_t *to, size_t bytes) {
    size_t done = 0;
    while (done < bytes) {
        ssize_t got = read(fd, to + done, bytes - done);
        if (got <= 0) break;
        done += (size_t)got;
    }
    return done;
}

static source_answer take(frame_source *base, facedge_frame *frame) {
    file_source *self = (file_source *)base;
    const source_settings *s = &self->settings;
    frame_buffer *buffer = free_buffer(self);
    if (!buffer) return SOURCE_NOT_YET;
    size_t got = read_all(base->fd, buffer->pixels, self->frame_bytes);
    if (got == 0) return SOURCE_END;
    if (got < self->frame_bytes) {
        fprintf(stderr, "%s ends in the middle of frame %lld: its frames are not %d x %d pixels\n",
                s->path, (long long)self->frames, s->width, s->height);
        return SOURCE_ERROR;
    }
    int is_nv12 = s->format == FACEDGE_FORMAT_NV12;
    facedge_frame_default(frame);
    frame->format = s->format, frame->matrix = s->matrix, frame->range = s->range;
    frame->width = s->width, frame->height = s->height;
    frame->planes[0].data = buffer->pixels;
    frame->planes[0].stride = is_nv12 ? s->width : 2 * s->width;
    if (is_nv12) {
        frame->planes[1].data = buffer->pixels + (size_t)s->width * (size_t)s->height;
        frame->planes[1].stride = (s->width + 1) / 2 * 2;
    }
    frame->timestamp_us = self->frames++ * 1000000 / s->frames_per_second;
    frame->release = give_back, frame->user = buffer;
    atomic_store(&buffer->taken, 1);
    return SOURCE_FRAME;
}

static void close_file(frame_source *base) {
    file_source *self = (file_source *)base;
    for (int i = 0; i < self->settings.buffers; i++) free(self->buffers[i].pixels);
    if (base->fd > 0) close(base->fd);
    free(self);
}

frame_source *source_open_file(const source_settings *settings) {
    if (!settings->matrix || !settings->range || settings->width < 1 || settings->height < 1) {
        fprintf(stderr, "raw frames need --width, --height, --matrix and --range\n");
        return NULL;
    }
    size_t luma = (size_t)settings->width * (size_t)settings->height;
    size_t chroma = (size_t)((settings->width + 1) / 2 * 2) * (size_t)((settings->height + 1) / 2);
    file_source *self =
        calloc(1, sizeof *self + (size_t)settings->buffers * sizeof self->buffers[0]);
    if (!self) return NULL;
    self->base = (frame_source){.take = take, .close = close_file};
    self->settings = *settings;
    self->frame_bytes = settings->format == FACEDGE_FORMAT_NV12 ? luma + chroma : 2 * luma;
    self->base.fd = strcmp(settings->path, "-") ? open(settings->path, O_RDONLY) : STDIN_FILENO;
    int complete = self->base.fd >= 0;
    for (int i = 0; i < settings->buffers; i++) {
        self->buffers[i].pixels = malloc(self->frame_bytes);
        complete = complete && self->buffers[i].pixels;
    }
    if (complete) return &self->base;
    fprintf(stderr, "%s cannot be opened, or there is no memory for its frames\n", settings->path);
    close_file(&self->base);
    return NULL;
}
