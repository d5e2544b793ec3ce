// Random frames and places in them, and how far two crops are apart.
#pragma once

#include "image/image.hpp"

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace facedge::checkkernels {

// A frame that owns its planes, each exactly as large as its description says.
class OwnedFrame {
public:
    OwnedFrame(facedge_format format, facedge_matrix matrix, facedge_range range, int32_t width,
               int32_t height, ptrdiff_t padding);
    OwnedFrame(OwnedFrame&&) = default;

    FrameView view() const;
    facedge_frame description() const;  // memory FACEDGE_MEMORY_HOST
    std::vector<uint8_t>& plane(int index) { return planes_[index]; }
    const std::vector<uint8_t>& plane(int index) const { return planes_[index]; }

private:
    facedge_frame frame_;
    std::vector<uint8_t> planes_[2];
};

struct Case {
    OwnedFrame frame;
    facedge_filter filter;
    int width, height;  // of the crop
    Similarity to_frame;

    std::string description() const;
};

// One of many: any format, matrix and range, odd sizes, padded rows, frames of a few pixels, crops
// that enlarge or reduce by up to a factor of 40 (crops of a few pixels by 1000), whole or not,
// turned or not, inside or across the border. The same seed and index make the same case
// everywhere.
Case make_case(uint64_t seed, uint64_t index);

std::vector<uint8_t> reference(const Case& one);
// With the loops in use.
std::vector<uint8_t> cropped(const Case& one);

struct Difference {
    size_t values = 0, beyond_one = 0;
    int worst = 0;

    void add(const std::vector<uint8_t>& a, const std::vector<uint8_t>& b);
};

// The similarity that scales by `scale`, turns by `radians` and puts the crop's middle at (x, y).
Similarity place(double scale, double radians, double x, double y, int width, int height);

const char* name_of(facedge_format format);
const char* name_of(facedge_filter filter);

}  // namespace facedge::checkkernels
