// The inner loops of crop(), compiled once for the baseline processor and once for AVX2.
#pragma once

#include <cstddef>
#include <cstdint>

namespace facedge {

// YuvToRgb in fixed point, kFractionBits in the sums (they stay within int16): luma enters as
// luma << 8 and chroma as (chroma - 128) << 8, each product keeps its high 16 bits.
struct FixedYuv {
    uint16_t luma;
    int16_t rv, gu, gv, bu;
    int16_t offset;  // of luma, and what cutting the products off takes away on average
};
constexpr int kFractionBits = 5;
constexpr int kFixedWhite = 255 << kFractionBits;

// Frame pixels that are converted in one go, and those that a vector takes of them.
constexpr int kPiece = 1024, kStep = 32;

// As many converted pixels as a column of 16 bits holds.
constexpr int kMostUnscaled = UINT16_MAX / kFixedWhite;

// Rows of luma with the interleaved chroma of each, from the first pixel of a pair on; rows that
// share chroma follow each other and have the same pointer.
struct YuvRows {
    const uint8_t* luma[kMostUnscaled];
    const uint8_t* pairs[kMostUnscaled];
    ptrdiff_t next_luma, next_pairs;  // from each row to the one that will follow `count` rows on
    int count;
    bool second_is_v;  // U V, else V U
};

// For loops that cannot keep them in registers: what chroma adds to the pixels of a pair, and the
// sums of those at even and at odd places.
struct RowScratch {
    struct Channel {
        alignas(64) int16_t term[kPiece / 2];
        alignas(64) uint16_t even[kPiece / 2], odd[kPiece / 2];
    };
    Channel r, g, b;
};

// Sums of a piece's columns over at most kMaxSummedRows rows, positive as int16 too.
struct ColumnSums {
    alignas(64) uint16_t r[kPiece];
    alignas(64) uint16_t g[kPiece];
    alignas(64) uint16_t b[kPiece];
    uint16_t beyond[kStep];  // where a vector that begins in the last columns ends
};
constexpr int kMaxSummedRows = 128;  // 128 * 255 < 2^15

// How add_yuv sums: column i is of pixel i, or of pixels 2 i and 2 i + 1.
struct Summing {
    bool pairs;  // then YuvRows has kMostUnscaled / 2 rows at most
    bool first;  // the columns begin with these rows
    int shift;   // what is dropped of the sum of these rows
};

// A block between the two stages, in 1/128.
struct Block {
    int16_t r, g, b;
    int16_t weight;  // always 1: summed along
};
constexpr int kBlockBits = 7, kBlockOne = 1 << kBlockBits;

// Blocks in a row that a crop pixel may weigh.
constexpr int kMaxTaps = 16;

// Crop pixels of one row of a tile, at most.
constexpr int kTileRow = 176;

// Crop pixels of one row at blocks (u + i du, v + i dv), all of whose taps lie in the plane.
struct Samples {
    float u, v, du, dv;
    float stretch;
    int taps;
    int count;
    ptrdiff_t stride;  // blocks from one row of the plane to the next
};

struct Loops {
    // Y U Y V into luma and interleaved chroma.
    void (*split)(const uint8_t* yuyv, int n_pairs, uint8_t* luma, uint8_t* chroma);
    // Converts n pixels of each row and adds them to sums, with kFractionBits - shift of fraction.
    void (*add_yuv)(const YuvRows& rows, int n, const FixedYuv& k, const Summing& how,
                    ColumnSums& sums, RowScratch& scratch);
    void (*add_rgb)(const uint8_t* rgb, int red, int n, ColumnSums& sums);
    // Converts n pixels of the first row.
    void (*pack_yuv)(const YuvRows& rows, int n, const FixedYuv& k, Block* blocks,
                     RowScratch& scratch);
    void (*pack_rgb)(const uint8_t* rgb, int red, int n, Block* blocks);
    // Means of `count` blocks of `side` columns each, side <= kMaxSummedRows. `share` makes a
    // block out of the sum of its columns.
    void (*mean_blocks)(const ColumnSums& columns, int side, int count, float share, Block* blocks);
    void (*widen)(const Block* blocks, int n, float* values);

    void (*sample_area)(const Samples& samples, const Block* plane, uint8_t* rgb);
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
