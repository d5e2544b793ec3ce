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
    void read(int row, int first, int count, Block* blocks);

private:
    void convert(int y, int x, int n, Block* blocks);
    void average(int row, int first, int count, Block* blocks);
    Block average_alone(int row, int column);
    float sum_columns(int x, int n, int y0, int y1, bool pairs);
    void sum_rgb(int x, int n, int y0, int y1);
    const uint8_t* rgb_at(int x, int y) const;
    YuvRows yuv_rows(int x, int n, int y0, int y1);

    const FrameView& frame_;
    const int side_;
    const Loops& loops_;
    const bool is_rgb_;
    FixedYuv fixed_;
    const int red_;            // where red lies in a pixel of three bytes
    ColumnSums columns_ = {};  // vectors read some columns that nothing was added to
    RowScratch scratch_;
    alignas(64) uint8_t luma_[kMostUnscaled][kPiece];
    alignas(64) uint8_t chroma_[kMostUnscaled][kPiece];
};

}  // namespace facedge
