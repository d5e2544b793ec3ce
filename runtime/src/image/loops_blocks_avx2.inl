// Means of blocks. Columns are at most 2^15 - 1, so they are positive as int16 too.

constexpr int kLanes = 16;

FORCE_INLINE __m256i pair_sums(const __m256i& columns) {
    return _mm256_madd_epi16(columns, _mm256_set1_epi16(1));
}

FORCE_INLINE __m256i shared_out(const __m256i& sums, float share) {
    const __m256 means = _mm256_mul_ps(_mm256_cvtepi32_ps(sums), _mm256_set1_ps(share));
    return _mm256_cvttps_epi32(_mm256_add_ps(means, _mm256_set1_ps(0.5f)));
}

// Of 16 blocks of one column or two each.
FORCE_INLINE __m256i narrow_means(const uint16_t* columns, int side, float share) {
    __m256i left = load_32(columns), right = left;
    if (side == 2) {
        left = pair_sums(left);
        right = pair_sums(load_32(columns + kLanes));
    } else {
        left = _mm256_cvtepu16_epi32(_mm256_castsi256_si128(left));
        right = _mm256_cvtepu16_epi32(_mm256_extracti128_si256(right, 1));
    }
    const __m256i means = _mm256_packs_epi32(shared_out(left, share), shared_out(right, share));
    return _mm256_permute4x64_epi64(means, 0xd8);
}

void mean_narrow(const ColumnSums& columns, int side, int count, float share, Block* blocks) {
    Block last[kLanes];
    for (int i = 0; i < count; i += kLanes) {
        const int at = i * side;
        const Colors means =
            side == 1 && share == 1
                ? Colors{load_32(columns.r + at), load_32(columns.g + at), load_32(columns.b + at)}
                : Colors{narrow_means(columns.r + at, side, share),
                         narrow_means(columns.g + at, side, share),
                         narrow_means(columns.b + at, side, share)};
        const bool whole = i + kLanes <= count;
        store_blocks(means, whole ? blocks + i : last);
        if (!whole) {
            std::memcpy(blocks + i, last, static_cast<size_t>(count - i) * sizeof *blocks);
        }
    }
}

// Block by block: loops_convert.inl's are faster where many fit a vector.
void mean_wide(const ColumnSums& columns, int side, int count, float share, Block* blocks) {
    int16_t masks[2 * kLanes] = {};
    for (int i = 0; i < kLanes; ++i) masks[i] = -1;
    const int whole = side / kLanes * kLanes;
    const __m256i rest = load_32(masks + kLanes - (side - whole));
    for (int block = 0; block < count; ++block) {
        const int begin = block * side;
        __m256i r = pair_sums(_mm256_and_si256(load_32(columns.r + begin + whole), rest));
        __m256i g = pair_sums(_mm256_and_si256(load_32(columns.g + begin + whole), rest));
        __m256i b = pair_sums(_mm256_and_si256(load_32(columns.b + begin + whole), rest));
        for (int i = begin; i < begin + whole; i += kLanes) {
            r = _mm256_add_epi32(r, pair_sums(load_32(columns.r + i)));
            g = _mm256_add_epi32(g, pair_sums(load_32(columns.g + i)));
            b = _mm256_add_epi32(b, pair_sums(load_32(columns.b + i)));
        }
        const __m256i halves = _mm256_hadd_epi32(_mm256_hadd_epi32(r, g),
                                                 _mm256_hadd_epi32(b, _mm256_setzero_si256()));
        const F4 sums = _mm_cvtepi32_ps(
            _mm_add_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1)));
        const __m128i means = _mm_cvttps_epi32(sums * share + 0.5f);
        _mm_storel_epi64(reinterpret_cast<__m128i*>(blocks + block), _mm_packs_epi32(means, means));
        blocks[block].weight = kBlockOne;
    }
}

void mean_blocks_avx2(const ColumnSums& columns, int side, int count, float share, Block* blocks) {
    constexpr int kLeastWide = 5;
    if (side <= 2) {
        mean_narrow(columns, side, count, share, blocks);
    } else if (side < kLeastWide) {
        mean_blocks(columns, side, count, share, blocks);
    } else {
        mean_wide(columns, side, count, share, blocks);
    }
}
