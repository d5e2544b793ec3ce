// Means of wide blocks, block by block: loops_convert.inl's are faster where many fit a vector.

constexpr int kLanes = 16;
constexpr int kLeastWide = 5;

FORCE_INLINE __m256i load_16(const void* from) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}

// The sums of 16 columns in pairs; columns are at most 2^15 - 1, so they are positive as int16 too.
FORCE_INLINE __m256i pair_sums(const __m256i& columns) {
    return _mm256_madd_epi16(columns, _mm256_set1_epi16(1));
}

void mean_blocks_avx2(const ColumnSums& columns, int side, int count, float share,
                      uint32_t* pixels) {
    if (side < kLeastWide) return mean_blocks(columns, side, count, share, pixels);
    int16_t masks[2 * kLanes] = {};
    for (int i = 0; i < kLanes; ++i) masks[i] = -1;
    const int whole = side / kLanes * kLanes;
    const __m256i rest = load_16(masks + kLanes - (side - whole));
    for (int block = 0; block < count; ++block) {
        const int begin = block * side;
        __m256i r = pair_sums(_mm256_and_si256(load_16(columns.r + begin + whole), rest));
        __m256i g = pair_sums(_mm256_and_si256(load_16(columns.g + begin + whole), rest));
        __m256i b = pair_sums(_mm256_and_si256(load_16(columns.b + begin + whole), rest));
        for (int i = begin; i < begin + whole; i += kLanes) {
            r = _mm256_add_epi32(r, pair_sums(load_16(columns.r + i)));
            g = _mm256_add_epi32(g, pair_sums(load_16(columns.g + i)));
            b = _mm256_add_epi32(b, pair_sums(load_16(columns.b + i)));
        }
        const __m256i halves = _mm256_hadd_epi32(_mm256_hadd_epi32(r, g),
                                                 _mm256_hadd_epi32(b, _mm256_setzero_si256()));
        const F4 sums = _mm_cvtepi32_ps(
            _mm_add_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1)));
        pixels[block] = to_bytes(sums * share) | kUnitWeight;
    }
}
