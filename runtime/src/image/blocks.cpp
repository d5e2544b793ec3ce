#include "image/blocks.hpp"

#include "image/color.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace facedge {
namespace {

FixedYuv fixed_point(const YuvToRgb& to) {
    // A product keeps (value << 8) * k >> 16, which has kFractionBits when k = coefficient << 13.
    const double one = double(1 << kFractionBits) * (1 << 8);
    const auto k = [one](double coefficient) {
        return static_cast<int16_t>(std::lround(coefficient * one));
    };
    const double offset = (0.5 - to.y_scale * to.y_offset) * (1 << kFractionBits);
    return {static_cast<uint16_t>(std::lround(to.y_scale * one)),
            k(to.rv),
            k(to.gu),
            k(to.gv),
            k(to.bu),
            static_cast<int16_t>(std::lround(offset))};
}

}  // namespace

BlockRows::BlockRows(const FrameView& frame, int side, const Loops& loops)
    : frame_(frame), side_(side), loops_(loops),
      is_rgb_(frame.format == FACEDGE_FORMAT_RGB24 || frame.format == FACEDGE_FORMAT_BGR24),
      fixed_(fixed_point(yuv_to_rgb(frame.matrix, frame.range))),
      red_(frame.format == FACEDGE_FORMAT_RGB24 ? 0 : 2) {
    if (frame.format == FACEDGE_FORMAT_GRAY8) std::memset(chroma_, 128, sizeof chroma_);
}

void BlockRows::read(int row, int first, int count, uint32_t* pixels) {
    // Pieces begin with the first pixel of a chroma pair.
    const int at_once = side_ > kMaxSummedRows ? 0 : kPiece / side_ & ~1;
    for (int i = 0; i < count;) {
        const int block = first + i, n = std::min(at_once, count - i);
        if (block * side_ % 2 != 0 || at_once == 0) {
            pixels[i++] = average_alone(row, block);
            continue;
        }
        if (side_ == 1) {
            convert(row, block, n, pixels + i);
        } else {
            average(row, block, n, pixels + i);
        }
        i += n;
    }
}

const uint8_t* BlockRows::rgb_at(int x, int y) const {
    return frame_.planes[0] + frame_.stride[0] * y + ptrdiff_t{3} * x;
}

// n pixels from (x, y) on, x even; `both`: and those of the row below, which has the same chroma.
YuvRows BlockRows::yuv_at(int x, int y, int n, bool both) {
    const uint8_t* row = frame_.planes[0] + frame_.stride[0] * y;
    switch (frame_.format) {
        case FACEDGE_FORMAT_YUYV:
            loops_.split(row + ptrdiff_t{2} * x, (n + 1) / 2, luma_, chroma_);
            return {luma_, nullptr, chroma_, true};
        case FACEDGE_FORMAT_NV12:
        case FACEDGE_FORMAT_NV21:
            return {row + x, both ? row + frame_.stride[0] + x : nullptr,
                    frame_.planes[1] + frame_.stride[1] * (y / 2) + x,
                    frame_.format == FACEDGE_FORMAT_NV12};
        default:  // GRAY8, whose chroma_ is neutral
            return {row + x, nullptr, chroma_, true};
    }
}

void BlockRows::convert(int y, int x, int n, uint32_t* pixels) {
    if (is_rgb_) {
        loops_.pack_rgb(rgb_at(x, y), red_, n, pixels);
    } else {
        loops_.pack_yuv(yuv_at(x, y, n, false), n, fixed_, pixels, scratch_);
    }
}

// Sums of n <= kPiece columns from an even x on, over rows y0 .. y1 - 1, at most kMaxSummedRows.
void BlockRows::sum_columns(int x, int n, int y0, int y1) {
    const size_t bytes = static_cast<size_t>(n) * sizeof columns_.r[0];
    std::memset(columns_.r, 0, bytes);
    std::memset(columns_.g, 0, bytes);
    std::memset(columns_.b, 0, bytes);
    const bool pairs = frame_.format == FACEDGE_FORMAT_NV12 || frame_.format == FACEDGE_FORMAT_NV21;
    for (int y = y0; y < y1;) {
        if (is_rgb_) {
            loops_.add_rgb(rgb_at(x, y++), red_, n, columns_);
        } else {
            const bool both = pairs && y % 2 == 0 && y + 1 < y1;
            loops_.add_yuv(yuv_at(x, y, n, both), n, fixed_, columns_, scratch_);
            y += both ? 2 : 1;
        }
    }
}

// Blocks that lie in one piece of a row.
void BlockRows::average(int row, int first, int count, uint32_t* pixels) {
    const int x = first * side_, columns = std::min(count * side_, frame_.width - x);
    const int y0 = row * side_, y1 = std::min((row + 1) * side_, frame_.height);
    const int whole = columns / side_;
    sum_columns(x, columns, y0, y1);
    loops_.mean_blocks(columns_, side_, whole, 1.0f / static_cast<float>(side_ * (y1 - y0)),
                       pixels);
    if (whole < count) pixels[whole] = average_alone(row, first + whole);
}

// A block that is too large for the sums of a piece, that the frame's border cuts, or that begins
// between the pixels of a pair.
uint32_t BlockRows::average_alone(int row, int column) {
    const int x0 = column * side_, x1 = std::min((column + 1) * side_, frame_.width);
    const int y0 = row * side_, y1 = std::min((row + 1) * side_, frame_.height);
    uint64_t r = 0, g = 0, b = 0;
    for (int x = x0 & ~1; x < x1; x += kPiece) {
        const int n = std::min(kPiece, x1 - x);
        for (int y = y0; y < y1; y += kMaxSummedRows) {
            sum_columns(x, n, y, std::min(y + kMaxSummedRows, y1));
            for (int i = std::max(0, x0 - x); i < n; ++i) {
                r += columns_.r[i], g += columns_.g[i], b += columns_.b[i];
            }
        }
    }
    const double share = 1.0 / (double(x1 - x0) * (y1 - y0));
    const auto mean = [share](uint64_t sum) {
        return static_cast<uint32_t>(static_cast<double>(sum) * share + 0.5);
    };
    return mean(r) | mean(g) << 8 | mean(b) << 16 | kUnitWeight;
}

}  // namespace facedge
