// Bilinear samples of four crop pixels at a time, in 16 bits: blocks have 7 bits of fraction,
// weights 15.

// R G B of four pixels in 12 bytes; the other 4 are 0.
FORCE_INLINE __m128i rounded(const __m256i& blocks) {
    const __m256i whole =
        _mm256_srai_epi16(_mm256_add_epi16(blocks, _mm256_set1_epi16(kBlockOne / 2)), kBlockBits);
    const __m128i bytes =
        _mm_packus_epi16(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
    return _mm_shuffle_epi8(bytes,
                            _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));
}

// `four` makes the pixels i .. i + 3.
template <typename Four>
FORCE_INLINE void store_row(int count, uint8_t* rgb, Four four) {
    const auto store_16 = [](const __m128i& bytes, uint8_t* to) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
    };
    int i = 0;
    // 16 bytes, of which the last 4 belong to the pixels that follow.
    for (; i + 6 <= count; i += 4) store_16(four(i), rgb + 3 * i);
    for (; i < count; i += 4) {
        uint8_t bytes[16];
        store_16(four(i), bytes);
        std::memcpy(rgb + 3 * i, bytes, static_cast<size_t>(3 * (count - i < 4 ? count - i : 4)));
    }
}

struct BilinearPlaces {
    alignas(32) int32_t offset[kTileRow];
    alignas(32) uint32_t right[kTileRow], below[kTileRow];  // weights, each twice
};

FORCE_INLINE __m256i weights_of(const __m256i& places) {
    const __m256i weight = _mm256_and_si256(places, _mm256_set1_epi32(0x7fff));
    return _mm256_or_si256(weight, _mm256_slli_epi32(weight, 16));
}

void find_places(const Samples& s, BilinearPlaces& places) {
    const __m256 one = _mm256_set1_ps(1 << 15), last = _mm256_set1_ps(float(s.count - 1));
    const __m256 du = _mm256_set1_ps(s.du), dv = _mm256_set1_ps(s.dv);
    const __m256 u0 = _mm256_set1_ps(s.u), v0 = _mm256_set1_ps(s.v);
    const __m256i stride = _mm256_set1_epi32(static_cast<int>(s.stride));
    __m256 i = _mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7);
    for (int at = 0; at < s.count; at += 8, i = _mm256_add_ps(i, _mm256_set1_ps(8))) {
        const __m256 place = _mm256_min_ps(i, last);  // what follows the row stays in it
        const auto fixed = [&](const __m256& d, const __m256& start) {
            return _mm256_cvttps_epi32(_mm256_mul_ps(_mm256_fmadd_ps(place, d, start), one));
        };
        const __m256i u = fixed(du, u0), v = fixed(dv, v0);
        store_32(places.right + at, weights_of(u));
        store_32(places.below + at, weights_of(v));
        // Rows and the stride fit 16 bits.
        const __m256i row = _mm256_madd_epi16(_mm256_srli_epi32(v, 15), stride);
        store_32(places.offset + at, _mm256_add_epi32(row, _mm256_srli_epi32(u, 15)));
    }
}

FORCE_INLINE __m256i two_places(const Block* left, const Block* right) {
    const auto load = [](const Block* at) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    };
    return _mm256_inserti128_si256(_mm256_castsi128_si256(load(left)), load(right), 1);
}

FORCE_INLINE __m256i blend(const __m256i& a, const __m256i& b, const __m256i& weight) {
    return _mm256_add_epi16(a, _mm256_mulhrs_epi16(_mm256_sub_epi16(b, a), weight));
}

FORCE_INLINE __m256i four_weights(const uint32_t* weights) {
    return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(weights)));
}

FORCE_INLINE __m256i chosen(const __m256i& weights, const __m256i& which) {
    return _mm256_permutevar8x32_epi32(weights, which);
}

FORCE_INLINE __m128i four_bilinear(const Block* upper, const Block* lower,
                                   const BilinearPlaces& places, int i) {
    const ptrdiff_t p0 = places.offset[i], p1 = places.offset[i + 1], p2 = places.offset[i + 2],
                    p3 = places.offset[i + 3];
    const __m256i below = four_weights(places.below + i), right = four_weights(places.right + i);
    const __m256i even =
        blend(two_places(upper + p0, upper + p2), two_places(lower + p0, lower + p2),
              chosen(below, _mm256_setr_epi32(0, 0, 0, 0, 2, 2, 2, 2)));
    const __m256i odd =
        blend(two_places(upper + p1, upper + p3), two_places(lower + p1, lower + p3),
              chosen(below, _mm256_setr_epi32(1, 1, 1, 1, 3, 3, 3, 3)));
    const __m256i mean = blend(_mm256_unpacklo_epi64(even, odd), _mm256_unpackhi_epi64(even, odd),
                               chosen(right, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3)));
    return rounded(mean);
}

void sample_bilinear_avx2(const Samples& s, const Block* plane, uint8_t* rgb) {
    BilinearPlaces places;
    find_places(s, places);
    const Block* lower = plane + s.stride;
    store_row(s.count, rgb, [&](int i) { return four_bilinear(plane, lower, places, i); });
}
