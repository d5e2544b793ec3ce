// Stage 1: pixels to RGB and their sums. Written so that compilers make vectors of every loop.

void split_yuyv(const uint8_t* __restrict yuyv, int n_pairs, uint8_t* __restrict luma,
                uint8_t* __restrict chroma) {
    for (int i = 0; i < 2 * n_pairs; ++i) {
        luma[i] = yuyv[2 * i];
        chroma[i] = yuyv[2 * i + 1];
    }
}

void add_rgb(const uint8_t* __restrict rgb, int red_at, int n, ColumnSums& sums) {
    uint16_t* __restrict first = red_at == 0 ? sums.r : sums.b;
    uint16_t* __restrict green = sums.g;
    uint16_t* __restrict last = red_at == 0 ? sums.b : sums.r;
    for (int i = 0; i < n; ++i) {
        first[i] = static_cast<uint16_t>(first[i] + rgb[3 * i]);
        green[i] = static_cast<uint16_t>(green[i] + rgb[3 * i + 1]);
        last[i] = static_cast<uint16_t>(last[i] + rgb[3 * i + 2]);
    }
}

Block block_of(uint8_t r, uint8_t g, uint8_t b) {
    return {static_cast<int16_t>(r << kBlockBits), static_cast<int16_t>(g << kBlockBits),
            static_cast<int16_t>(b << kBlockBits), kBlockOne};
}

void pack_rgb(const uint8_t* __restrict rgb, int red, int n, Block* __restrict blocks) {
    if (red == 0) {
        for (int i = 0; i < n; ++i) {
            blocks[i] = block_of(rgb[3 * i], rgb[3 * i + 1], rgb[3 * i + 2]);
        }
    } else {
        for (int i = 0; i < n; ++i) {
            blocks[i] = block_of(rgb[3 * i + 2], rgb[3 * i + 1], rgb[3 * i]);
        }
    }
}

// `side` is a constant where this is inlined.
FORCE_INLINE void sum_blocks(const uint16_t* __restrict columns, int side, int count,
                             int32_t* __restrict sums) {
    for (int block = 0; block < count; ++block) {
        int32_t sum = 0;
        for (int i = 0; i < side; ++i) sum += columns[block * side + i];
        sums[block] = sum;
    }
}

__attribute__((noinline)) void sum_channel(const uint16_t* __restrict columns, int side, int count,
                                           int32_t* __restrict sums) {
    switch (side) {
        case 1: return sum_blocks(columns, 1, count, sums);
        case 2: return sum_blocks(columns, 2, count, sums);
        case 3: return sum_blocks(columns, 3, count, sums);
        case 4: return sum_blocks(columns, 4, count, sums);
        default: return sum_blocks(columns, side, count, sums);
    }
}

void mean_blocks(const ColumnSums& columns, int side, int count, float share,
                 Block* __restrict blocks) {
    alignas(64) int32_t r[kPiece], g[kPiece], b[kPiece];
    sum_channel(columns.r, side, count, r);
    sum_channel(columns.g, side, count, g);
    sum_channel(columns.b, side, count, b);
    const auto mean = [share](int32_t sum) {
        return static_cast<int32_t>(static_cast<float>(sum) * share + 0.5f);
    };
    // Halves of blocks make better vectors than their four parts.
    typedef int32_t __attribute__((may_alias)) Half;
    Half* __restrict halves = reinterpret_cast<Half*>(blocks);
    for (int i = 0; i < count; ++i) {
        halves[2 * i] = mean(r[i]) | mean(g[i]) << 16;
        halves[2 * i + 1] = mean(b[i]) | kBlockOne << 16;
    }
}

void widen(const Block* __restrict blocks, int n, float* __restrict values) {
    const int16_t* __restrict parts = reinterpret_cast<const int16_t*>(blocks);
    for (int i = 0; i < 4 * n; ++i) values[i] = static_cast<float>(parts[i]);
}
