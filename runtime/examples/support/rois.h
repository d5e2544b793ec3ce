/* Faces from a text file, in place of a detector. A line is
 *
 *     FRAME TRACK landmarks x y  x y  x y  x y  x y
 *     FRAME TRACK box x y width height
 *
 * FRAME counts from 0, or is * for every frame; # begins a comment. */
#ifndef EXAMPLES_ROIS_H
#define EXAMPLES_ROIS_H

#include <facedge/facedge.h>

typedef struct roi_list {
    struct roi_line *lines;
    size_t count;
} roi_list;

/* 0, or -1 after a sentence on stderr. */
int roi_list_read(roi_list *list, const char *path);
void roi_list_free(roi_list *list);

/* Copies the faces of a frame, at most `room`, and returns how many. */
size_t roi_list_of(const roi_list *list, long frame, facedge_roi *rois, size_t room);

#endif
