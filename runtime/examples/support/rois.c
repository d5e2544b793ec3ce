#include "rois.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVERY_FRAME = -1, LINE_LENGTH = 512 };

struct roi_line {
    long frame;
    facedge_roi roi;
};

static int read_numbers(const char *text, float *numbers, int count) {
    for (int i = 0; i < count; i++) {
        char *end;
        numbers[i] = strtof(text, &end);
        if (end == text) return 0;
        text = end;
    }
    return text[strspn(text, " \t\r\n")] == '\0';
}

static int parse(const char *text, struct roi_line *line) {
    char frame[32], kind[16];
    int used = 0;
    memset(line, 0, sizeof *line);
    if (sscanf(text, "%31s %" SCNu64 " %15s %n", frame, &line->roi.track, kind, &used) != 3)
        return 0;
    line->frame = strcmp(frame, "*") ? strtol(frame, NULL, 10) : EVERY_FRAME;
    if (!strcmp(kind, "landmarks")) {
        line->roi.kind = FACEDGE_ROI_LANDMARKS;
        return read_numbers(text + used, &line->roi.points[0][0], 10);
    }
    line->roi.kind = FACEDGE_ROI_BOX;
    return !strcmp(kind, "box") && read_numbers(text + used, line->roi.box, 4);
}

int roi_list_read(roi_list *list, const char *path) {
    char text[LINE_LENGTH];
    int number = 0;
    *list = (roi_list){0};
    FILE *file = fopen(path, "r");
    if (!file) return fprintf(stderr, "%s cannot be read\n", path), -1;
    while (fgets(text, sizeof text, file)) {
        number++;
        text[strcspn(text, "#")] = '\0';
        if (text[strspn(text, " \t\r\n")] == '\0') continue;
        struct roi_line *lines = realloc(list->lines, (list->count + 1) * sizeof *lines);
        if (lines) list->lines = lines;
        if (!lines || !parse(text, &lines[list->count])) {
            fprintf(stderr,
                    "%s, line %d: expected FRAME TRACK landmarks and 10 numbers, or "
                    "FRAME TRACK box and 4 numbers\n",
                    path, number);
            roi_list_free(list);
            fclose(file);
            return -1;
        }
        list->count++;
    }
    fclose(file);
    return 0;
}

void roi_list_free(roi_list *list) {
    free(list->lines);
    *list = (roi_list){0};
}

size_t roi_list_of(const roi_list *list, long frame, facedge_roi *rois, size_t room) {
    size_t found = 0;
    for (size_t i = 0; i < list->count && found < room; i++)
        if (list->lines[i].frame == frame || list->lines[i].frame == EVERY_FRAME)
            rois[found++] = list->lines[i].roi;
    return found;
}
