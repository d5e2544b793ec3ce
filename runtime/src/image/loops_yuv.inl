// YUV to RGB, in loops that compilers make vectors of. Pixels at even and at odd places are apart,
// as two of them have the same chroma.

int16_t high(int16_t a, int16_t b) { return static_cast<int16_t>((int32_t(a) * b) >> 16); }
uint16_t high(uint16_t a, uint16_t b) { return static_cast<uint16_t>((uint32_t(a) * b) >> 16); }

uint16_t clamped(int16_t luma, int16_t term) {
    int16_t value = static_cast<int16_t>(luma + term);
    value = value < 0 ? int16_t(0) : value;
    return static_cast<uint16_t>(value > kFixedWhite ? int16_t(kFixedWhite) : value);
}

struct Lumas {
    int16_t even, odd;
};

FORCE_INLINE Lumas lumas(const uint8_t* pair, uint16_t k) {
    uint16_t both;
    std::memcpy(&both, pair, sizeof both);
    return {static_cast<int16_t>(high(static_cast<uint16_t>(both << 8), k)),
            static_cast<int16_t>(high(static_cast<uint16_t>(both & 0xff00), k))};
}

int16_t centred(uint8_t chroma) { return static_cast<int16_t>((chroma - 128) * 256); }

void chroma_terms(const uint8_t* __restrict pairs, int n_pairs, const FixedYuv& k, bool second_is_v,
                  RowScratch& terms) {
    int16_t* __restrict r = terms.r.term;
    int16_t* __restrict g = terms.g.term;
    int16_t* __restrict b = terms.b.term;
    // V U is U V with the coefficients the other way round.
    const int16_t r0 = second_is_v ? int16_t(0) : k.rv, r1 = second_is_v ? k.rv : int16_t(0);
    const int16_t g0 = second_is_v ? k.gu : k.gv, g1 = second_is_v ? k.gv : k.gu;
    const int16_t b0 = second_is_v ? k.bu : int16_t(0), b1 = second_is_v ? int16_t(0) : k.bu;
    const int16_t offset = k.offset;
    for (int i = 0; i < n_pairs; ++i) {
        const int16_t first = centred(pairs[2 * i]), second = centred(pairs[2 * i + 1]);
        r[i] = static_cast<int16_t>(high(first, r0) + high(second, r1) + offset);
        g[i] = static_cast<int16_t>(high(first, g0) + high(second, g1) + offset);
        b[i] = static_cast<int16_t>(high(first, b0) + high(second, b1) + offset);
    }
}

// Adds pairs first .. last - 1; `together`: both pixels to `even`.
FORCE_INLINE void add_lumas(const uint8_t* __restrict luma, int first, int last, uint16_t k,
                            bool together, RowScratch& rows) {
    const auto add = [together](RowScratch::Channel& to, int i, const Lumas& y) {
        const int even = clamped(y.even, to.term[i]), odd = clamped(y.odd, to.term[i]);
        to.even[i] = static_cast<uint16_t>(to.even[i] + even + (together ? odd : 0));
        if (!together) to.odd[i] = static_cast<uint16_t>(to.odd[i] + odd);
    };
    for (int i = first; i < last; ++i) {
        const Lumas y = lumas(luma + 2 * (i - first), k);
        add(rows.r, i, y);
        add(rows.g, i, y);
        add(rows.b, i, y);
    }
}

void add_row(const uint8_t* luma, int n, uint16_t k, bool together, RowScratch& rows) {
    const int n_pairs = n / 2;
    if (together) return add_lumas(luma, 0, n_pairs, k, true, rows);
    add_lumas(luma, 0, n_pairs, k, false, rows);
    if (n % 2 == 0) return;
    const uint8_t last[2] = {luma[n - 1], 0};
    add_lumas(last, n_pairs, n_pairs + 1, k, false, rows);
}

void clear(RowScratch::Channel& channel, int n_pairs) {
    const size_t bytes = static_cast<size_t>(n_pairs) * sizeof channel.even[0];
    std::memset(channel.even, 0, bytes);
    std::memset(channel.odd, 0, bytes);
}

void add_shifted(const RowScratch::Channel& rows, int n, const Summing& how,
                 uint16_t* __restrict columns) {
    const uint16_t* __restrict even = rows.even;
    const uint16_t* __restrict odd = rows.odd;
    const int shift = how.shift, count = how.pairs ? n / 2 : n;
    const uint16_t half = static_cast<uint16_t>(1 << shift >> 1);
    const auto shifted = [=](uint16_t sum) {
        return static_cast<uint16_t>(static_cast<uint16_t>(sum + half) >> shift);
    };
    uint16_t added[kPiece];
    if (how.pairs) {
        for (int i = 0; i < count; ++i) added[i] = shifted(even[i]);
    } else {
        for (int i = 0; i < n / 2; ++i) {
            added[2 * i] = shifted(even[i]);
            added[2 * i + 1] = shifted(odd[i]);
        }
        if (n % 2 != 0) added[n - 1] = shifted(even[n / 2]);
    }
    if (how.first) std::memset(columns, 0, static_cast<size_t>(count) * sizeof *columns);
    for (int i = 0; i < count; ++i) columns[i] = static_cast<uint16_t>(columns[i] + added[i]);
}

void add_yuv(const YuvRows& rows, int n, const FixedYuv& k, const Summing& how, ColumnSums& sums,
             RowScratch& scratch) {
    const int n_pairs = (n + 1) / 2;
    clear(scratch.r, n_pairs);
    clear(scratch.g, n_pairs);
    clear(scratch.b, n_pairs);
    for (int row = 0; row < rows.count; ++row) {
        if (row == 0 || rows.pairs[row] != rows.pairs[row - 1])
            chroma_terms(rows.pairs[row], n_pairs, k, rows.second_is_v, scratch);
        add_row(rows.luma[row], n, k.luma, how.pairs, scratch);
    }
    add_shifted(scratch.r, n, how, sums.r);
    add_shifted(scratch.g, n, how, sums.g);
    add_shifted(scratch.b, n, how, sums.b);
}

void pack_yuv(const YuvRows& rows, int n, const FixedYuv& k, Block* __restrict blocks,
              RowScratch& scratch) {
    chroma_terms(rows.pairs[0], (n + 1) / 2, k, rows.second_is_v, scratch);
    const uint8_t* __restrict luma = rows.luma[0];
    const int16_t* __restrict r = scratch.r.term;
    const int16_t* __restrict g = scratch.g.term;
    const int16_t* __restrict b = scratch.b.term;
    const auto block = [&](int16_t y, int i) {
        const auto channel = [y](int16_t term) {
            return static_cast<int16_t>(clamped(y, term) << (kBlockBits - kFractionBits));
        };
        return Block{channel(r[i]), channel(g[i]), channel(b[i]), kBlockOne};
    };
    for (int i = 0; i < n / 2; ++i) {
        const Lumas y = lumas(luma + 2 * i, k.luma);
        blocks[2 * i] = block(y.even, i);
        blocks[2 * i + 1] = block(y.odd, i);
    }
    if (n % 2 == 0) return;
    const uint8_t last[2] = {luma[n - 1], 0};
    blocks[n - 1] = block(lumas(last, k.luma).even, n / 2);
}
