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
struct Tile {
    int width, height;
    double most_stretch;
    int margin;  // blocks around the outermost crop pixels: the taps' reach on both sides, and what
                 // rounding and vectors of two blocks may add
};
constexpr int kBeyond = 3;
constexpr Tile kBicubicTile{32, 32, 4, 2 * (2 * 4) + kBeyond + 3};
// Wide, because long rows of the frame are read faster.
constexpr Tile kAreaTile{kTileRow, 64, 1.5, 2 * 2 + kBeyond + 3};

const Tile& tile_of(facedge_filter filter) {
    return filter == FACEDGE_FILTER_BICUBIC ? kBicubicTile : kAreaTile;
}

// Blocks in a row that a tile may touch, rotated in any way.
size_t most_across(const Tile& tile, int width, int height) {
    const double diagonal = std::hypot(std::min(width, tile.width), std::min(height, tile.height));
    return static_cast<size_t>(diagonal * tile.most_stretch + 1 + tile.margin);
}

// And those of all its rows: no rectangle around it has more than a square of its mean side.
size_t most_blocks(const Tile& tile, int width, int height) {
    const int around = std::min(width, tile.width) + std::min(height, tile.height);
    const auto side =
        static_cast<size_t>(around * std::sqrt(0.5) * tile.most_stretch + 1 + tile.margin);
    return side * side;
}

size_t rounded_up(size_t bytes) { return (bytes + 63) / 64 * 64; }

size_t narrow_bytes(facedge_filter filter, int width, int height) {
    const Tile& tile = tile_of(filter);
    const size_t blocks = filter == FACEDGE_FILTER_BICUBIC ? most_across(tile, width, height)
                                                           : most_blocks(tile, width, height);
    return rounded_up(blocks * sizeof(Block));
}

size_t wide_bytes(int width, int height) {
    return rounded_up(most_blocks(kBicubicTile, width, height) * 4 * sizeof(float));
}

// The crop pixels of a tile, the first at block (u, v): a row of them goes along (du, dv), a column
// along (-dv, du). They weigh blocks within `reach`.
struct Place {
    double u, v, du, dv;
    int width, height;
    double reach;
};
constexpr double kRounding = 1e-3;

// A rectangle of blocks, which may reach beyond the frame. Those up to (right, bottom) have weight;
// the rest need only be there.
struct Region {
    int x, y, width, height;
    int right, bottom;
};

Region region_of(const Place& place) {
    const double across = place.width - 1, down = place.height - 1;
    const double du = place.du, dv = place.dv, reach = place.reach;
    const double left = std::min(0.0, du * across) + std::min(0.0, -dv * down);
    const double right = std::max(0.0, du * across) + std::max(0.0, -dv * down);
    const double top = std::min(0.0, dv * across) + std::min(0.0, du * down);
    const double bottom = std::max(0.0, dv * across) + std::max(0.0, du * down);
    const double last_x = place.u + right + reach + kRounding;
    const double last_y = place.v + bottom + reach + kRounding;
    Region region;
    region.x = static_cast<int>(std::floor(place.u + left - reach)) & ~1;  // even: see Spans
    region.y = static_cast<int>(std::floor(place.v + top - reach));
    region.right = static_cast<int>(std::ceil(last_x)) - 1;
    region.bottom = static_cast<int>(std::ceil(last_y)) - 1;
    region.width = static_cast<int>(std::floor(last_x)) + kBeyond - region.x;
    region.height = static_cast<int>(std::floor(last_y)) + kBeyond - region.y;
    return region;
}

struct Span {
    int first, last;
};

// The blocks of each row of a region that have weight. A rotated tile leaves the rectangle's
// corners empty.
class Spans {
public:
    Spans(const Place& place, const Region& region) : v_(place.v), whole_{region.x, region.right} {
        const double size = place.du * place.du + place.dv * place.dv;
        // Rows above and below are read with weight 0.
        const double x = place.reach + kRounding, y = x + 1;
        const auto strip = [&](double along_x, double along_y, double length) {
            const double beyond = std::abs(along_x) * x + std::abs(along_y) * y;
            if (std::abs(along_x) < 1e-3 * std::abs(along_y)) return Strip{-HUGE_VAL, HUGE_VAL, 0};
            const double a = -beyond / along_x, b = (length * size + beyond) / along_x;
            return Strip{place.u + std::min(a, b), place.u + std::max(a, b), -along_y / along_x};
        };
        strips_[0] = strip(place.du, place.dv, place.width - 1);
        strips_[1] = strip(-place.dv, place.du, place.height - 1);
    }

    Span whole() const { return whole_; }

    // Begins with an even block, which is fastest to convert.
    Span at(int row) const {
        const double v = row - v_;
        const double left = std::max(strips_[0].left + v * strips_[0].slope,
                                     strips_[1].left + v * strips_[1].slope);
        const double right = std::min(strips_[0].right + v * strips_[0].slope,
                                      strips_[1].right + v * strips_[1].slope);
        const double least = whole_.first, most = whole_.last;
        const int first = static_cast<int>(std::floor(std::clamp(left, least, most))) & ~1;
        const int last = static_cast<int>(std::ceil(std::clamp(right, least, most)));
        return {first, std::max(first, last)};
    }

private:
    // Between two parallel edges: from `left` to `right` in the row at v_.
    struct Strip {
        double left, right, slope;
    };
    double v_;
    Span whole_;
    Strip strips_[2];
};

// Fills a plane with a region, the outermost blocks repeated.
template <typename Pixel, typename Read>
void fill(const Region& region, const Spans& spans, int across, int down, Pixel* plane,
          int per_block, Read read) {
    const int y0 = std::clamp(region.y, 0, down - 1);
    const int y1 = std::clamp(region.bottom, 0, down - 1);
    const int top = std::clamp(y0 - region.y, 0, region.height - (y1 - y0 + 1));
    const int bottom = top + y1 - y0;
    const size_t block_bytes = sizeof(Pixel) * static_cast<size_t>(per_block);
    const size_t row_length = static_cast<size_t>(region.width) * static_cast<size_t>(per_block);
    const auto at = [&](int column, int row) {
        return plane + static_cast<size_t>(row) * row_length +
               static_cast<size_t>(column) * static_cast<size_t>(per_block);
    };
    for (int row = y0; row <= y1; ++row) {
        const int to = top + row - y0;
        const bool repeated = (to == top && top > 0) || to == bottom;
        const Span span = repeated ? spans.whole() : spans.at(row);
        const int x0 = std::clamp(span.first, 0, across - 1);
        const int count = std::clamp(span.last, 0, across - 1) - x0 + 1;
        const int left = std::clamp(x0 - region.x, 0, region.width - count);
        read(row, x0, count, at(left, to));
        for (int i = span.first - region.x; i < left; ++i) {
            std::memcpy(at(i, to), at(left, to), block_bytes);
        }
        const int end = std::min(region.width, span.last - region.x + 1 + kBeyond);
        for (int i = left + count; i < end; ++i) {
            std::memcpy(at(i, to), at(left + count - 1, to), block_bytes);
        }
    }
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
    const Tile& tile = tile_of(filter);
    const double reach = bicubic ? 2.0 * plan.stretch : 0.5 * plan.stretch + 0.5;
    Block* narrow = static_cast<Block*>(scratch);
    float* wide =
        reinterpret_cast<float*>(static_cast<char*>(scratch) + narrow_bytes(filter, width, height));
    BlockRows blocks(frame, plan.block, loops);
    const double side = plan.block;
    const double du = to_frame.m[0] / side, dv = to_frame.m[3] / side;
    for (int top = 0; top < height; top += tile.height) {
        for (int left = 0; left < width; left += tile.width) {
            const int columns = std::min(tile.width, width - left);
            const int rows = std::min(tile.height, height - top);
            const double u0 = (to_frame.m[2] + 0.5) / side - 0.5 + du * left - dv * top;
            const double v0 = (to_frame.m[5] + 0.5) / side - 0.5 + dv * left + du * top;
            const Place place{u0, v0, du, dv, columns, rows, reach};
            const Region region = region_of(place);
            const Spans spans(place, region);
            if (bicubic) {
                fill(region, spans, blocks.across(), blocks.down(), wide, 4,
                     [&](int row, int first, int count, float* out) {
                         blocks.read(row, first, count, narrow);
                         loops.widen(narrow, count, out);
                     });
            } else {
                fill(region, spans, blocks.across(), blocks.down(), narrow, 1,
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
