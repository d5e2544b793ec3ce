// Stage 1 of crop(): blocks of a frame, averaged.
#pragma once

#include "image/image.hpp"
#include "image/loops.hpp"

namespace facedge {

// Converts and averages blocks of one frame, a row of blocks at a time. Lives on the stack.
class BlockRows {
public:
    BlockRows(const FrameView& frame, int side, const Loops& loops);

    int across() const { return (frame_.width + side_ - 1) / side_; }
    int down() const { return (frame_.height + side_ - 1) / side_; }

    // Blocks first .. first + count - 1 of row `row`, all inside the frame.
    void read(int row, int first, int count, uint32_t* pixels);

private:
    void convert(int y, int x, int n, uint32_t* pixels);
    void average(int row, int first, int count, uint32_t* pixels);
    uint32_t average_alone(int row, int column);
    void sum_columns(int x, int n, int y0, int y1);
    const uint8_t* rgb_at(int x, int y) const;
    YuvRows yuv_at(int x, int y, int n, bool both);

    const FrameView& frame_;
    const int side_;
    const Loops& loops_;
    const bool is_rgb_;
    FixedYuv fixed_;
    const int red_;  // where red lies in a pixel of three bytes
    ColumnSums columns_;
    Terms scratch_;
    alignas(64) uint8_t luma_[kPiece];
    alignas(64) uint8_t chroma_[kPiece];
};

}  // namespace facedge
