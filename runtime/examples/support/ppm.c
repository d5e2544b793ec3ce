#include "ppm.h"

#include <stdio.h>
#include <stdlib.h>

enum { LARGEST_SIDE = 16384 };

uint8_t *ppm_read(const char *path, int *width, int *height) {
    uint8_t *pixels = NULL;
    FILE *file = fopen(path, "rb");
    if (file && fscanf(file, "P6 %d %d 255%*c", width, height) == 2 && *width > 0 && *height > 0 &&
        *width <= LARGEST_SIDE && *height <= LARGEST_SIDE) {
        size_t bytes = (size_t)*width * (size_t)*height * 3;
        pixels = malloc(bytes);
        if (pixels && fread(pixels, 1, bytes, file) != bytes) {
            free(pixels);
            pixels = NULL;
        }
    }
    if (file) fclose(file);
    if (!pixels) fprintf(stderr, "%s is not a binary PPM with 8 bits a channel\n", path);
    return pixels;
}

int ppm_write(const char *path, const uint8_t *pixels, int width, int height, ptrdiff_t stride) {
    FILE *file = fopen(path, "wb");
    int failed = !file || fprintf(file, "P6\n%d %d\n255\n", width, height) < 0;
    for (int y = 0; y < height && !failed; y++)
        failed = fwrite(pixels + y * stride, 3, (size_t)width, file) != (size_t)width;
    if (file && fclose(file) != 0) failed = 1;
    if (failed) fprintf(stderr, "%s cannot be written\n", path);
    return failed ? -1 : 0;
}
