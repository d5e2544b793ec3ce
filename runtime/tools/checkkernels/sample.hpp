// Random frames with faces, as a camera could deliver them.
#pragma once

#include "image/image.hpp"

#include <random>
#include <vector>

namespace facedge::check {

struct Sample {
    facedge_frame frame;             // memory HOST, planes in `pixels`
    std::vector<uint8_t> pixels[2];  // as long as plane_bytes says, so that tools see over-reads
    facedge_filter filter;
    int width, height;               // of the crop
    std::vector<Similarity> faces;

    FrameView view() const;
};

// Sizes, strides, formats, colours and places at random.
Sample random_sample(std::mt19937_64& random);

// A 1920x1080 frame with four upright faces of `face` pixels, for timing.
Sample camera_sample(facedge_format format, Framing framing, int side, int face,
                     std::mt19937_64& random);

const char* format_name(int32_t format);

}  // namespace facedge::check
