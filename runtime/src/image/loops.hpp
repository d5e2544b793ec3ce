// The inner loops of crop(), compiled once for the baseline processor and once for AVX2.
#pragma once

#include <cstddef>
#include <cstdint>

namespace facedge {

// YuvToRgb in fixed point, 5 fractional bits in the sums (they stay within int16): luma enters as
// luma << 8 and chroma as (chroma - 128) << 8, each product keeps its high 16 bits.
struct FixedYuv {
    uint16_t luma;
    int16_t rv, gu, gv, bu;
    int16_t offset;  // of luma, and the half for rounding
};
constexpr int kFractionBits = 5;

// Frame pixels that are converted in one go.
constexpr int kPiece = 1024;

// One or two rows of luma that share a row of chroma, from the first pixel of a pair on.
struct YuvRows {
    const uint8_t* upper;
    const uint8_t* lower;  // null: one row
    const uint8_t* pairs;  // interleaved chroma, a pair for every two pixels
    bool second_is_v;      // U V, else V U
};

// What chroma adds to the R, G and B of a row's pixels.
struct Terms {
    alignas(64) int16_t r[kPiece];
    alignas(64) int16_t g[kPiece];
    alignas(64) int16_t b[kPiece];
};

// Sums of a piece's columns over at most kMaxSummedRows rows.
struct ColumnSums {
    alignas(64) uint16_t r[kPiece];
    alignas(64) uint16_t g[kPiece];
    alignas(64) uint16_t b[kPiece];
    uint16_t beyond[32];  // where a vector that begins in the last columns ends
};
constexpr int kMaxSummedRows = 128;  // 128 * 255 < 2^15

// Pixels between the two stages: R, G, B and 1 (the weight, which is summed along) in four bytes,
// or in four floats.
constexpr uint32_t kUnitWeight = 1u << 24;

// Blocks in a row that a crop pixel may weigh.
constexpr int kMaxTaps = 16;

// Crop pixels of one row of a tile, at most.
constexpr int kTileRow = 64;

// Crop pixels of one row at blocks (u + i du, v + i dv), all of whose taps lie in the plane.
struct Samples {
    float u, v, du, dv;
    float stretch;
    int taps;
    int count;
    ptrdiff_t stride;  // pixels from one row of the plane to the next
};

struct Loops {
    // Y U Y V into luma and interleaved chroma.
    void (*split)(const uint8_t* yuyv, int n_pairs, uint8_t* luma, uint8_t* chroma);
    // Converts n pixels of each row and adds them to sums.
    void (*add_yuv)(const YuvRows& rows, int n, const FixedYuv& k, ColumnSums& sums,
                    Terms& scratch);
    void (*add_rgb)(const uint8_t* rgb, int red, int n, ColumnSums& sums);
    // Converts n pixels of the upper row.
    void (*pack_yuv)(const YuvRows& rows, int n, const FixedYuv& k, uint32_t* pixels,
                     Terms& scratch);
    void (*pack_rgb)(const uint8_t* rgb, int red, int n, uint32_t* pixels);
    // Means of `count` blocks of `side` columns each, side <= kMaxSummedRows. `share` is one over
    // the frame pixels of a block.
    void (*mean_blocks)(const ColumnSums& columns, int side, int count, float share,
                        uint32_t* pixels);
    void (*widen)(const uint32_t* pixels, int n, float* values);

    void (*sample_area)(const Samples& samples, const uint32_t* plane, uint8_t* rgb);
    void (*sample_bicubic)(const Samples& samples, const float* plane, uint8_t* rgb);
};

// The fastest loops that this processor runs.
const Loops& fastest_loops();

// For tests and facedge-checkkernels: those of every kind this processor runs, by name.
struct NamedLoops {
    const char* name;
    const Loops* loops;
};
constexpr int kMaxLoops = 2;
int all_loops(NamedLoops out[kMaxLoops]);

// Makes crop() use these instead of the fastest. Not synchronised: for tests and tools.
void use_loops(const Loops& loops);
const Loops& loops_in_use();

extern const Loops* const kBaselineLoops;
extern const Loops* const kAvx2Loops;  // null where the compiler made none

}  // namespace facedge
