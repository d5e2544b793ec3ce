// Camera frames and the aligned crop: any format in, uint8 RGB of a network's input size out.
// Nothing here allocates.
#pragma once

#include <facedge/facedge.h>
#include <facedge/facedge_backend.h>

#include <cstddef>
#include <cstdint>

namespace facedge {

// A frame whose description has been checked and whose planes can be read.
struct FrameView {
    facedge_format format;
    facedge_matrix matrix;
    facedge_range range;
    int32_t width, height;
    const uint8_t* planes[2];
    ptrdiff_t stride[2];
};

// Row-major 2x3: crop pixel (x, y) lies at (m[0] x + m[1] y + m[2], m[3] x + m[4] y + m[5]) in the
// frame. A similarity: m[4] = m[0], m[3] = -m[1].
struct Similarity {
    float m[6];
};

// Why a frame or a ROI is refused: a code and a sentence. No allocation.
struct Refusal {
    facedge_code code = FACEDGE_OK;
    char text[400] = "";
};

// Checks format, matrix, range, memory kind, sizes, strides and pointers (or fds) of a frame whose
// struct_size is known to be right. Returns FACEDGE_OK, FACEDGE_EINVAL or FACEDGE_EFRAME.
facedge_code check_frame(const facedge_frame& frame, Refusal& why);

// Bytes of plane `index` that a frame reads: stride * (rows - 1) + bytes of the last row.
size_t plane_bytes(const facedge_frame& frame, int index);
int plane_count(int32_t format);

// Where the crop of a network lies in the frame.
enum class Framing {
    kFace,  // super-resolution faces: eyes at (39.5, 40) and (88.5, 40) of 128x128, any size
    kUnits  // action-unit crop: eyes at (53.5, 50) and (122.5, 50) of 176x176
};

// Least-squares similarity (Umeyama) of five landmarks to the framing's mean face, or of a box.
//   width, height  of the crop in pixels
//   index          of the ROI, for the sentence
// FACEDGE_EROI: not finite, degenerate (coincident or collinear-with-no-extent landmarks, empty
// box), or the crop lies wholly outside the frame; FACEDGE_EINVAL: unknown kind.
facedge_code align(const facedge_roi& roi, Framing framing, int width, int height, int frame_width,
                   int frame_height, size_t index, Similarity& to_frame, Refusal& why);

// Crop pixel of `to` -> crop pixel of `from`, both framings of the same face: what cuts the
// action-unit crop out of a restored face.
Similarity between(Framing from, int from_width, int from_height, Framing to, int to_width,
                   int to_height);

// The reduction that the networks of a framing were trained with.
facedge_filter filter_of(Framing framing);

// Bytes of scratch that crop() needs for crops up to this size, whatever the frame.
size_t crop_scratch_bytes(int width, int height);

// Anti-aliased aligned crop, borders repeated. With s = frame pixels per crop pixel:
//   1. The frame as RGB, clamped to 0..255, chroma repeated over the pixels it covers, is averaged
//      in blocks of f x f pixels that start at the frame's corner; a block that the border cuts is
//      the mean of what is left. f = max(1, floor(s / 2)) for FACEDGE_FILTER_BICUBIC,
//      max(1, floor(s + 1/2)) for FACEDGE_FILTER_AREA.
//   2. A crop pixel is the weighted mean of the blocks around its place. The weight is a product of
//      one in x and one in y of the frame. With t = max(1, s / f) blocks per crop pixel it is Keys'
//      cubic kernel (a = -1/2) stretched by t, or the part of a block that a square of t x t
//      covers; for t = 1 the latter is bilinear interpolation.
// Bicubic weights at f = 1 are those of facedge.resize (Python), with which networks are trained;
// blocks cost 0.1 dB of the restored face at most and save most of the time. Area crops are for
// networks that learned from 128 pixel faces enlarged to 176: 3/4 block per crop pixel, the least
// there is, holds more detail than that.
//   rgb      uint8 [height, width, 3], rows touch
//   scratch  crop_scratch_bytes(width, height), aligned to 64
void crop(const FrameView& frame, const Similarity& to_frame, facedge_filter filter, int width,
          int height, uint8_t* rgb, void* scratch);

// The same result defined in the plainest way, in double precision: what crop() and the CUDA kernel
// are compared with.
void crop_reference(const FrameView& frame, const Similarity& to_frame, facedge_filter filter,
                    int width, int height, uint8_t* rgb);

}  // namespace facedge
