// Conversion of 32 pixels at a time, those at even and at odd places in a vector each, as their
// chroma is; rows are summed in registers. Bit for bit what loops_yuv.inl computes.

FORCE_INLINE __m256i load_32(const void* from) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}

FORCE_INLINE void store_32(void* to, const __m256i& vector) {
    _mm256_storeu_si256(static_cast<__m256i*>(to), vector);
}

// Colours are kept at the upper end of int16 until they are summed, so that the additions of luma
// clamp them to white.
constexpr int16_t kBlack = INT16_MAX - kFixedWhite;

struct Colors {
    __m256i r, g, b;
};

FORCE_INLINE Colors chroma_step(const uint8_t* pairs, const FixedYuv& k, bool second_is_v) {
    const __m256i both = load_32(pairs);
    const __m256i sign = _mm256_set1_epi16(int16_t(-0x8000)), high_byte = _mm256_set1_epi16(-256);
    const __m256i first = _mm256_xor_si256(_mm256_slli_epi16(both, 8), sign);
    const __m256i second = _mm256_xor_si256(_mm256_and_si256(both, high_byte), sign);
    const __m256i u = second_is_v ? first : second, v = second_is_v ? second : first;
    const auto times = [](const __m256i& chroma, int16_t coefficient) {
        return _mm256_mulhi_epi16(chroma, _mm256_set1_epi16(coefficient));
    };
    const __m256i offset = _mm256_set1_epi16(static_cast<int16_t>(k.offset + kBlack));
    return {_mm256_adds_epi16(times(v, k.rv), offset),
            _mm256_adds_epi16(_mm256_add_epi16(times(u, k.gu), times(v, k.gv)), offset),
            _mm256_adds_epi16(times(u, k.bu), offset)};
}

FORCE_INLINE Colors colors(const __m256i& luma, const Colors& terms) {
    const __m256i black = _mm256_set1_epi16(kBlack);
    const auto clamped = [&](const __m256i& term) {
        return _mm256_max_epi16(_mm256_adds_epi16(luma, term), black);
    };
    return {clamped(terms.r), clamped(terms.g), clamped(terms.b)};
}

struct Lumas {
    __m256i even, odd;
};

FORCE_INLINE Lumas luma_step(const uint8_t* luma, uint16_t k_luma) {
    const __m256i y = load_32(luma), k = _mm256_set1_epi16(static_cast<int16_t>(k_luma));
    return {_mm256_mulhi_epu16(_mm256_slli_epi16(y, 8), k),
            _mm256_mulhi_epu16(_mm256_and_si256(y, _mm256_set1_epi16(-256)), k)};
}

FORCE_INLINE void add_to(Colors& sums, const Colors& more) {
    sums.r = _mm256_add_epi16(sums.r, more.r);
    sums.g = _mm256_add_epi16(sums.g, more.g);
    sums.b = _mm256_add_epi16(sums.b, more.b);
}

// 16 columns.
FORCE_INLINE void add_shifted(const __m256i& sums, const Summing& how, uint16_t* columns) {
    __m256i total = _mm256_srl_epi16(sums, _mm_cvtsi32_si128(how.shift));
    if (!how.first) total = _mm256_add_epi16(total, load_32(columns));
    store_32(columns, total);
}

FORCE_INLINE void add_pixels(const __m256i& even, const __m256i& odd, const Summing& how,
                             uint16_t* columns) {
    const __m256i a = _mm256_unpacklo_epi16(even, odd), b = _mm256_unpackhi_epi16(even, odd);
    add_shifted(_mm256_permute2x128_si256(a, b, 0x20), how, columns);
    add_shifted(_mm256_permute2x128_si256(a, b, 0x31), how, columns + 16);
}

// The pixels from `at` on, into the columns from that of pixel `to` on.
template <bool kPairs>
FORCE_INLINE void add_step(const YuvRows& rows, int at, const FixedYuv& k, const Summing& how,
                           ColumnSums& sums, int to) {
    const int n_black = kPairs ? 2 * rows.count : rows.count, half = 1 << how.shift >> 1;
    const __m256i start = _mm256_set1_epi16(static_cast<int16_t>(half - n_black * kBlack));
    Colors even{start, start, start}, odd{start, start, start};
    for (int row = 0; row < rows.count;) {
        const uint8_t* pairs = rows.pairs[row];
        const Colors terms = chroma_step(pairs + at, k, rows.second_is_v);
        __builtin_prefetch(pairs + at + rows.next_pairs);
        do {
            __builtin_prefetch(rows.luma[row] + at + rows.next_luma);
            const Lumas luma = luma_step(rows.luma[row] + at, k.luma);
            add_to(even, colors(luma.even, terms));
            add_to(kPairs ? even : odd, colors(luma.odd, terms));
        } while (++row < rows.count && rows.pairs[row] == pairs);
    }
    if (kPairs) {
        add_shifted(even.r, how, sums.r + to / 2);
        add_shifted(even.g, how, sums.g + to / 2);
        add_shifted(even.b, how, sums.b + to / 2);
    } else {
        add_pixels(even.r, odd.r, how, sums.r + to);
        add_pixels(even.g, odd.g, how, sums.g + to);
        add_pixels(even.b, odd.b, how, sums.b + to);
    }
}

// The last n pixels of rows, to be read as a whole step.
struct Rest {
    uint8_t luma[kMostUnscaled][kStep], pairs[kMostUnscaled][kStep];
    YuvRows rows;

    Rest(const YuvRows& all, int count, int at, int n) : rows(all) {
        rows.count = count;
        std::memset(luma, 0, sizeof luma[0] * static_cast<size_t>(count));
        std::memset(pairs, 0, sizeof pairs[0] * static_cast<size_t>(count));
        for (int row = 0; row < count; ++row) {
            std::memcpy(luma[row], all.luma[row] + at, static_cast<size_t>(n));
            std::memcpy(pairs[row], all.pairs[row] + at, static_cast<size_t>((n + 1) / 2 * 2));
            rows.luma[row] = luma[row];
            const bool shared = row > 0 && all.pairs[row] == all.pairs[row - 1];
            rows.pairs[row] = shared ? rows.pairs[row - 1] : pairs[row];
        }
    }
};

template <bool kPairs>
void add_steps(const YuvRows& rows, int n, const FixedYuv& k, const Summing& how,
               ColumnSums& sums) {
    const FixedYuv fixed = k;
    const Summing summing = how;
    int i = 0;
    for (; i + kStep <= n; i += kStep) add_step<kPairs>(rows, i, fixed, summing, sums, i);
    if (i == n) return;
    const Rest rest(rows, rows.count, i, n - i);  // sums beyond n are nobody's
    add_step<kPairs>(rest.rows, 0, fixed, summing, sums, i);
}

void add_yuv_avx2(const YuvRows& rows, int n, const FixedYuv& k, const Summing& how,
                  ColumnSums& sums, RowScratch&) {
    how.pairs ? add_steps<true>(rows, n, k, how, sums) : add_steps<false>(rows, n, k, how, sums);
}

// 16 blocks of the colours of each.
FORCE_INLINE void store_blocks(const Colors& from, Block* blocks) {
    const __m256i one = _mm256_set1_epi16(kBlockOne);
    const __m256i rg[2] = {_mm256_unpacklo_epi16(from.r, from.g),
                           _mm256_unpackhi_epi16(from.r, from.g)};
    const __m256i bw[2] = {_mm256_unpacklo_epi16(from.b, one), _mm256_unpackhi_epi16(from.b, one)};
    const __m256i twos[4] = {_mm256_unpacklo_epi32(rg[0], bw[0]),   // 0, 1, 8, 9
                             _mm256_unpackhi_epi32(rg[0], bw[0]),   // 2, 3, 10, 11
                             _mm256_unpacklo_epi32(rg[1], bw[1]),   // 4, 5, 12, 13
                             _mm256_unpackhi_epi32(rg[1], bw[1])};  // 6, 7, 14, 15
    store_32(blocks, _mm256_permute2x128_si256(twos[0], twos[1], 0x20));
    store_32(blocks + 4, _mm256_permute2x128_si256(twos[2], twos[3], 0x20));
    store_32(blocks + 8, _mm256_permute2x128_si256(twos[0], twos[1], 0x31));
    store_32(blocks + 12, _mm256_permute2x128_si256(twos[2], twos[3], 0x31));
}

FORCE_INLINE void pack_step(const YuvRows& rows, int at, const FixedYuv& k, Block* blocks) {
    const Colors terms = chroma_step(rows.pairs[0] + at, k, rows.second_is_v);
    const Lumas luma = luma_step(rows.luma[0] + at, k.luma);
    const Colors even = colors(luma.even, terms), odd = colors(luma.odd, terms);
    const __m256i black = _mm256_set1_epi16(kBlack);
    const auto pixels = [&](const __m256i& a, const __m256i& b, Colors(&out)[2],
                            __m256i Colors::*channel) {
        constexpr int kShift = kBlockBits - kFractionBits;
        const __m256i even_pixels = _mm256_slli_epi16(_mm256_sub_epi16(a, black), kShift);
        const __m256i odd_pixels = _mm256_slli_epi16(_mm256_sub_epi16(b, black), kShift);
        const __m256i low = _mm256_unpacklo_epi16(even_pixels, odd_pixels);
        const __m256i high = _mm256_unpackhi_epi16(even_pixels, odd_pixels);
        out[0].*channel = _mm256_permute2x128_si256(low, high, 0x20);
        out[1].*channel = _mm256_permute2x128_si256(low, high, 0x31);
    };
    Colors out[2];
    pixels(even.r, odd.r, out, &Colors::r);
    pixels(even.g, odd.g, out, &Colors::g);
    pixels(even.b, odd.b, out, &Colors::b);
    store_blocks(out[0], blocks);
    store_blocks(out[1], blocks + kStep / 2);
}

void pack_yuv_avx2(const YuvRows& rows, int n, const FixedYuv& k, Block* blocks, RowScratch&) {
    const FixedYuv fixed = k;
    int i = 0;
    for (; i + kStep <= n; i += kStep) pack_step(rows, i, fixed, blocks + i);
    if (i == n) return;
    if (i > 0 && n % 2 == 0) return pack_step(rows, n - kStep, fixed, blocks + n - kStep);
    const Rest rest(rows, 1, i, n - i);
    Block converted[kStep];
    pack_step(rest.rows, 0, fixed, converted);
    std::memcpy(blocks + i, converted, static_cast<size_t>(n - i) * sizeof *blocks);
}
