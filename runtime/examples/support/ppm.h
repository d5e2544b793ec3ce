/* Binary PPM pictures, RGB with 8 bits a channel. */
#ifndef EXAMPLES_PPM_H
#define EXAMPLES_PPM_H

#include <stddef.h>
#include <stdint.h>

/* The pixels of a picture, rows touching, to be freed with free; NULL after a sentence on stderr. */
uint8_t *ppm_read(const char *path, int *width, int *height);

/* 0, or -1 after a sentence on stderr. `stride` is in bytes. */
int ppm_write(const char *path, const uint8_t *pixels, int width, int height, ptrdiff_t stride);

#endif
