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
    // Luma and chroma lose half of the last bit each, on average.
    const double offset = 1 - to.y_scale * to.y_offset * (1 << kFractionBits);
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

void BlockRows::read(int row, int first, int count, Block* blocks) {
    // Pieces begin with the first pixel of a chroma pair.
    const int at_once = side_ > kMaxSummedRows ? 0 : kPiece / side_ & ~1;
    for (int i = 0; i < count;) {
        const int block = first + i, n = std::min(at_once, count - i);
        if (block * side_ % 2 != 0 || at_once == 0) {
            blocks[i++] = average_alone(row, block);
            continue;
        }
        if (side_ == 1) {
            convert(row, block, n, blocks + i);
        } else {
            average(row, block, n, blocks + i);
        }
        i += n;
    }
}

const uint8_t* BlockRows::rgb_at(int x, int y) const {
    return frame_.planes[0] + frame_.stride[0] * y + ptrdiff_t{3} * x;
}

// n pixels from an even x on of rows y0 .. y1 - 1, at most kMostUnscaled.
YuvRows BlockRows::yuv_rows(int x, int n, int y0, int y1) {
    YuvRows rows;
    rows.count = y1 - y0;
    rows.next_luma = rows.next_pairs = 0;
    rows.second_is_v = frame_.format != FACEDGE_FORMAT_NV21;
    for (int i = 0; i < rows.count; ++i) {
        const int y = y0 + i;
        const uint8_t* row = frame_.planes[0] + frame_.stride[0] * y;
        switch (frame_.format) {
            case FACEDGE_FORMAT_YUYV:
                loops_.split(row + ptrdiff_t{2} * x, (n + 1) / 2, luma_[i], chroma_[i]);
                rows.luma[i] = luma_[i], rows.pairs[i] = chroma_[i];
                break;
            case FACEDGE_FORMAT_NV12:
            case FACEDGE_FORMAT_NV21:
                rows.next_luma = frame_.stride[0] * rows.count;
                rows.next_pairs = frame_.stride[1] * rows.count / 2;
                rows.luma[i] = row + x;
                rows.pairs[i] = frame_.planes[1] + frame_.stride[1] * (y / 2) + x;
                break;
            default:  // GRAY8, whose chroma_ is neutral
                rows.next_luma = frame_.stride[0] * rows.count;
                rows.luma[i] = row + x;
                rows.pairs[i] = chroma_[0];
        }
    }
    return rows;
}

void BlockRows::convert(int y, int x, int n, Block* blocks) {
    if (is_rgb_) {
        loops_.pack_rgb(rgb_at(x, y), red_, n, blocks);
    } else {
        loops_.pack_yuv(yuv_rows(x, n, y, y + 1), n, fixed_, blocks, scratch_);
    }
}

void BlockRows::sum_rgb(int x, int n, int y0, int y1) {
    const size_t bytes = static_cast<size_t>(n) * sizeof columns_.r[0];
    std::memset(columns_.r, 0, bytes);
    std::memset(columns_.g, 0, bytes);
    std::memset(columns_.b, 0, bytes);
    for (int y = y0; y < y1; ++y) loops_.add_rgb(rgb_at(x, y), red_, n, columns_);
}

// Sums of n <= kPiece columns, or of `pairs` of them, from an even x on, over rows y0 .. y1 - 1, at
// most kMaxSummedRows. Returns what 1 in a sum stands for.
float BlockRows::sum_columns(int x, int n, int y0, int y1, bool pairs) {
    if (is_rgb_) {
        sum_rgb(x, n, y0, y1);
        return 1;
    }
    const int across = pairs ? 2 : 1, at_once = kMostUnscaled / across;
    Summing how{pairs, true, 0};
    while (((y1 - y0) * across * kFixedWhite >> how.shift) > INT16_MAX) ++how.shift;
    // Whole steps are faster; what they read is in the frame, and nobody reads what they sum.
    const int whole = (n + kStep - 1) / kStep * kStep;
    if (whole <= std::min(kPiece, frame_.width - x)) n = whole;
    for (int y = y0; y < y1; y += at_once, how.first = false) {
        const YuvRows rows = yuv_rows(x, n, y, std::min(y + at_once, y1));
        loops_.add_yuv(rows, n, fixed_, how, columns_, scratch_);
    }
    return static_cast<float>(1 << how.shift) / (1 << kFractionBits);
}

// Blocks that lie in one piece of a row.
void BlockRows::average(int row, int first, int count, Block* blocks) {
    const int x = first * side_, whole = std::min(count, (frame_.width - x) / side_);
    const int y0 = row * side_, y1 = std::min((row + 1) * side_, frame_.height);
    const bool pairs = !is_rgb_ && side_ % 2 == 0;
    const float unit = sum_columns(x, whole * side_, y0, y1, pairs);
    loops_.mean_blocks(columns_, pairs ? side_ / 2 : side_, whole,
                       kBlockOne * unit / static_cast<float>(side_ * (y1 - y0)), blocks);
    if (whole < count) blocks[whole] = average_alone(row, first + whole);
}

// A block that is too large for the sums of a piece, that the frame's border cuts, or that begins
// between the pixels of a pair.
Block BlockRows::average_alone(int row, int column) {
    const int x0 = column * side_, x1 = std::min((column + 1) * side_, frame_.width);
    const int y0 = row * side_, y1 = std::min((row + 1) * side_, frame_.height);
    double r = 0, g = 0, b = 0;
    for (int x = x0 & ~1; x < x1; x += kPiece) {
        const int n = std::min(kPiece, x1 - x);
        for (int y = y0; y < y1; y += kMaxSummedRows) {
            const double unit = sum_columns(x, n, y, std::min(y + kMaxSummedRows, y1), false);
            for (int i = std::max(0, x0 - x); i < n; ++i) {
                r += unit * columns_.r[i], g += unit * columns_.g[i], b += unit * columns_.b[i];
            }
        }
    }
    const double share = kBlockOne / (double(x1 - x0) * (y1 - y0));
    const auto mean = [share](double sum) { return static_cast<int16_t>(sum * share + 0.5); };
    return {mean(r), mean(g), mean(b), kBlockOne};
}

}  // namespace facedge
