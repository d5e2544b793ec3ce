#include "image/blocks.hpp"
#include "image/image.hpp"
#include "image/loops.hpp"
#include "image/plan.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace facedge {
namespace {

// A crop is made in tiles, so that what lies between the stages stays small whatever the crop.
constexpr int kTileBicubic = 32, kTileArea = kTileRow;
constexpr double kMostStretchBicubic = 4, kMostStretchArea = 1.5;
// Blocks around the outermost crop pixels: the taps' reach on both sides, and what rounding and
// vectors of two blocks may add.
constexpr int kBeyond = 3;
constexpr int kMarginBicubic = 2 * (2 * 4) + kBeyond + 3, kMarginArea = 2 * 2 + kBeyond + 3;

// Blocks in both directions that a tile may touch, rotated in any way.
size_t tile_blocks(facedge_filter filter, int width, int height) {
    const bool bicubic = filter == FACEDGE_FILTER_BICUBIC;
    const int tile = bicubic ? kTileBicubic : kTileArea;
    const double diagonal = std::hypot(std::min(width, tile), std::min(height, tile));
    const double most = diagonal * (bicubic ? kMostStretchBicubic : kMostStretchArea);
    return static_cast<size_t>(most) + 1 + (bicubic ? kMarginBicubic : kMarginArea);
}

size_t rounded_up(size_t bytes) { return (bytes + 63) / 64 * 64; }

size_t narrow_bytes(facedge_filter filter, int width, int height) {
    const size_t side = tile_blocks(filter, width, height);
    const size_t blocks = filter == FACEDGE_FILTER_BICUBIC ? side : side * side;
    return rounded_up(blocks * sizeof(Block));
}

size_t wide_bytes(int width, int height) {
    const size_t side = tile_blocks(FACEDGE_FILTER_BICUBIC, width, height);
    return rounded_up(side * side * 4 * sizeof(float));
}

// A rectangle of blocks, which may reach beyond the frame. Those up to (right, bottom) have weight;
// the rest need only be there.
struct Region {
    int x, y, width, height;
    int right, bottom;
};

// The blocks that the crop pixels of a tile weigh. The tile's first pixel lies at block (u, v).
Region region_of(double u, double v, double du, double dv, int width, int height, double reach) {
    // A row of crop pixels goes along (du, dv), a column along (-dv, du).
    const double across = width - 1, down = height - 1;
    const double left = std::min(0.0, du * across) + std::min(0.0, -dv * down);
    const double right = std::max(0.0, du * across) + std::max(0.0, -dv * down);
    const double top = std::min(0.0, dv * across) + std::min(0.0, du * down);
    const double bottom = std::max(0.0, dv * across) + std::max(0.0, du * down);
    constexpr double kRounding = 1e-3;
    const double last_x = u + right + reach + kRounding, last_y = v + bottom + reach + kRounding;
    Region region;
    region.x = static_cast<int>(std::floor(u + left - reach)) & ~1;  // even: fastest to convert
    region.y = static_cast<int>(std::floor(v + top - reach));
    region.right = static_cast<int>(std::ceil(last_x)) - 1;
    region.bottom = static_cast<int>(std::ceil(last_y)) - 1;
    region.width = static_cast<int>(std::floor(last_x)) + kBeyond - region.x;
    region.height = static_cast<int>(std::floor(last_y)) + kBeyond - region.y;
    return region;
}

// Fills a plane with a region, the outermost blocks repeated.
template <typename Pixel, typename Read>
void fill(const Region& region, int across, int down, Pixel* plane, int per_block, Read read) {
    const int x0 = std::clamp(region.x, 0, across - 1);
    const int x1 = std::clamp(region.right, 0, across - 1);
    const int y0 = std::clamp(region.y, 0, down - 1);
    const int y1 = std::clamp(region.bottom, 0, down - 1);
    const int count = x1 - x0 + 1;
    const int left = std::clamp(x0 - region.x, 0, region.width - count);
    const int top = std::clamp(y0 - region.y, 0, region.height - (y1 - y0 + 1));
    const size_t block_bytes = sizeof(Pixel) * static_cast<size_t>(per_block);
    const size_t row_length = static_cast<size_t>(region.width) * static_cast<size_t>(per_block);
    const auto at = [&](int column, int row) {
        return plane + static_cast<size_t>(row) * row_length +
               static_cast<size_t>(column) * static_cast<size_t>(per_block);
    };
    for (int row = y0; row <= y1; ++row) {
        const int to = top + row - y0;
        read(row, x0, count, at(left, to));
        for (int i = 0; i < left; ++i) std::memcpy(at(i, to), at(left, to), block_bytes);
        for (int i = left + count; i < region.width; ++i) {
            std::memcpy(at(i, to), at(left + count - 1, to), block_bytes);
        }
    }
    const int bottom = top + y1 - y0;
    for (int i = 0; i < top; ++i) std::memcpy(at(0, i), at(0, top), row_length * sizeof(Pixel));
    for (int i = bottom + 1; i < region.height; ++i) {
        std::memcpy(at(0, i), at(0, bottom), row_length * sizeof(Pixel));
    }
}

}  // namespace

facedge_filter filter_of(Framing framing) {
    return framing == Framing::kFace ? FACEDGE_FILTER_BICUBIC : FACEDGE_FILTER_AREA;
}

size_t crop_scratch_bytes(int width, int height) {
    return std::max(narrow_bytes(FACEDGE_FILTER_AREA, width, height),
                    narrow_bytes(FACEDGE_FILTER_BICUBIC, width, height) +
                        wide_bytes(width, height));
}

void crop(const FrameView& frame, const Similarity& to_frame, facedge_filter filter, int width,
          int height, uint8_t* rgb, void* scratch) {
    const Loops& loops = loops_in_use();
    const CropPlan plan = crop_plan(filter, to_frame.m);
    const bool bicubic = filter == FACEDGE_FILTER_BICUBIC;
    const int tile = bicubic ? kTileBicubic : kTileArea;
    const double reach = bicubic ? 2.0 * plan.stretch : 0.5 * plan.stretch + 0.5;
    Block* narrow = static_cast<Block*>(scratch);
    float* wide =
        reinterpret_cast<float*>(static_cast<char*>(scratch) + narrow_bytes(filter, width, height));
    BlockRows blocks(frame, plan.block, loops);
    const double side = plan.block;
    const double du = to_frame.m[0] / side, dv = to_frame.m[3] / side;
    for (int top = 0; top < height; top += tile) {
        for (int left = 0; left < width; left += tile) {
            const int columns = std::min(tile, width - left), rows = std::min(tile, height - top);
            const double u0 = (to_frame.m[2] + 0.5) / side - 0.5 + du * left - dv * top;
            const double v0 = (to_frame.m[5] + 0.5) / side - 0.5 + dv * left + du * top;
            const Region region = region_of(u0, v0, du, dv, columns, rows, reach);
            if (bicubic) {
                fill(region, blocks.across(), blocks.down(), wide, 4,
                     [&](int row, int first, int count, float* out) {
                         blocks.read(row, first, count, narrow);
                         loops.widen(narrow, count, out);
                     });
            } else {
                fill(region, blocks.across(), blocks.down(), narrow, 1,
                     [&](int row, int first, int count, Block* out) {
                         blocks.read(row, first, count, out);
                     });
            }
            Samples samples{0,
                            0,
                            static_cast<float>(du),
                            static_cast<float>(dv),
                            plan.stretch,
                            plan.taps,
                            columns,
                            region.width};
            for (int y = 0; y < rows; ++y) {
                samples.u = static_cast<float>(u0 - region.x - dv * y);
                samples.v = static_cast<float>(v0 - region.y + du * y);
                uint8_t* out = rgb + (static_cast<size_t>(top + y) * static_cast<size_t>(width) +
                                      static_cast<size_t>(left)) *
                                         3;
                if (bicubic) {
                    loops.sample_bicubic(samples, wide, out);
                } else {
                    loops.sample_area(samples, narrow, out);
                }
            }
        }
    }
}

}  // namespace facedge
