/* A V4L2 camera with memory-mapped buffers. The frame handed to facedge is the driver's own buffer;
 * its release callback queues it again, while inference goes on.
 * Not yet run on a camera: it compiles, and refuses what is no camera. */
#define _GNU_SOURCE
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_BUFFERS = 32 };

typedef struct camera_source camera_source;

typedef struct camera_buffer {
    camera_source *camera;
    uint32_t index;
    uint8_t *pixels;
    size_t bytes;
} camera_buffer;

struct camera_source {
    frame_source base;
    facedge_frame frame; /* what all frames have in common */
    size_t chroma;       /* bytes from the first plane to the second */
    uint32_t n_buffers;
    camera_buffer buffers[MAX_BUFFERS];
};

static int request(int fd, unsigned long what, void *argument) {
    int answer;
    do answer = ioctl(fd, what, argument);
    while (answer < 0 && errno == EINTR);
    return answer;
}

static struct v4l2_buffer described(uint32_t index) {
    return (struct v4l2_buffer){
        .index = index, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
}

static void queue_again(void *user) {
    camera_buffer *buffer = user;
    struct v4l2_buffer driver_buffer = described(buffer->index);
    if (request(buffer->camera->base.fd, VIDIOC_QBUF, &driver_buffer) < 0)
        perror("a camera buffer cannot be queued");
}

static source_answer take(frame_source *base, facedge_frame *frame) {
    camera_source *self = (camera_source *)base;
    struct v4l2_buffer buffer = described(0);
    if (request(base->fd, VIDIOC_DQBUF, &buffer) < 0) {
        if (errno == EAGAIN) return SOURCE_NOT_YET;
        perror("the camera gives no frame");
        return SOURCE_ERROR;
    }
    camera_buffer *taken = &self->buffers[buffer.index];
    if (buffer.flags & V4L2_BUF_FLAG_ERROR) { /* damaged on the way, such as by USB */
        queue_again(taken);
        return SOURCE_NOT_YET;
    }
    *frame = self->frame;
    frame->planes[0].data = taken->pixels;
    frame->planes[1].data = taken->pixels + self->chroma;
    frame->timestamp_us = buffer.timestamp.tv_sec * 1000000ll + buffer.timestamp.tv_usec;
    frame->release = queue_again, frame->user = taken;
    return SOURCE_FRAME;
}

/* Drivers say which matrix and range they deliver, or that the colour space's own apply. */
static void describe_colours(const struct v4l2_pix_format *pix, const source_settings *settings,
                             facedge_frame *frame) {
    uint32_t encoding = pix->ycbcr_enc, range = pix->quantization;
    if (encoding == V4L2_YCBCR_ENC_DEFAULT) encoding = V4L2_MAP_YCBCR_ENC_DEFAULT(pix->colorspace);
    if (range == V4L2_QUANTIZATION_DEFAULT)
        range = V4L2_MAP_QUANTIZATION_DEFAULT(0, pix->colorspace, encoding);
    frame->matrix = encoding == V4L2_YCBCR_ENC_709      ? FACEDGE_MATRIX_BT709
                    : encoding == V4L2_YCBCR_ENC_XV709  ? FACEDGE_MATRIX_BT709
                    : encoding == V4L2_YCBCR_ENC_BT2020 ? FACEDGE_MATRIX_BT2020
                                                        : FACEDGE_MATRIX_BT601;
    frame->range =
        range == V4L2_QUANTIZATION_FULL_RANGE ? FACEDGE_RANGE_FULL : FACEDGE_RANGE_LIMITED;
    if (settings->matrix) frame->matrix = settings->matrix;
    if (settings->range) frame->range = settings->range;
}

/* The driver may change the size; the format has to be the one asked for. */
static int choose_format(camera_source *self, const source_settings *settings) {
    struct v4l2_format format = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
    struct v4l2_pix_format *pix = &format.fmt.pix;
    int is_nv12 = settings->format == FACEDGE_FORMAT_NV12;
    uint32_t wanted = is_nv12 ? V4L2_PIX_FMT_NV12 : V4L2_PIX_FMT_YUYV;
    pix->width = (uint32_t)settings->width, pix->height = (uint32_t)settings->height;
    pix->pixelformat = wanted, pix->field = V4L2_FIELD_NONE;
    if (request(self->base.fd, VIDIOC_S_FMT, &format) < 0 || pix->pixelformat != wanted) return -1;
    facedge_frame_default(&self->frame);
    self->frame.format = settings->format;
    self->frame.width = (int32_t)pix->width, self->frame.height = (int32_t)pix->height;
    self->frame.planes[0].stride = pix->bytesperline;
    self->frame.planes[1].stride = is_nv12 ? pix->bytesperline : 0;
    self->chroma = is_nv12 ? (size_t)pix->bytesperline * pix->height : 0;
    describe_colours(pix, settings, &self->frame);
    return 0;
}

static int map_buffers(camera_source *self, uint32_t wanted) {
    struct v4l2_requestbuffers buffers = {
        .count = wanted, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
    if (request(self->base.fd, VIDIOC_REQBUFS, &buffers) < 0) return -1;
    for (uint32_t i = 0; i < buffers.count && i < MAX_BUFFERS; i++) {
        struct v4l2_buffer buffer = described(i);
        if (request(self->base.fd, VIDIOC_QUERYBUF, &buffer) < 0) return -1;
        void *pixels = mmap(NULL, buffer.length, PROT_READ | PROT_WRITE, MAP_SHARED, self->base.fd,
                            buffer.m.offset);
        if (pixels == MAP_FAILED) return -1;
        self->buffers[i] = (camera_buffer){self, i, pixels, buffer.length};
        self->n_buffers = i + 1;
        if (request(self->base.fd, VIDIOC_QBUF, &buffer) < 0) return -1;
    }
    int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    return request(self->base.fd, VIDIOC_STREAMON, &type);
}

static void close_camera(frame_source *base) {
    camera_source *self = (camera_source *)base;
    int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    request(base->fd, VIDIOC_STREAMOFF, &type);
    for (uint32_t i = 0; i < self->n_buffers; i++)
        munmap(self->buffers[i].pixels, self->buffers[i].bytes);
    close(base->fd);
    free(self);
}

frame_source *source_open_camera(const source_settings *settings) {
    int fd = open(settings->path, O_RDWR | O_NONBLOCK);
    if (fd < 0) {
        fprintf(stderr, "%s cannot be opened: %s\n", settings->path, strerror(errno));
        return NULL;
    }
    struct v4l2_capability can = {0};
    camera_source *self = calloc(1, sizeof *self);
    if (!self || request(fd, VIDIOC_QUERYCAP, &can) < 0 ||
        !(can.device_caps & V4L2_CAP_VIDEO_CAPTURE) || !(can.device_caps & V4L2_CAP_STREAMING)) {
        fprintf(stderr, "%s is not a single-planar V4L2 capture device\n", settings->path);
        free(self);
        close(fd);
        return NULL;
    }
    self->base = (frame_source){.fd = fd, .live = 1, .take = take, .close = close_camera};
    if (choose_format(self, settings) == 0 && map_buffers(self, (uint32_t)settings->buffers) == 0)
        return &self->base;
    fprintf(stderr, "%s does not deliver this format; v4l2-ctl --list-formats-ext says which\n",
            settings->path);
    close_camera(&self->base);
    return NULL;
}
