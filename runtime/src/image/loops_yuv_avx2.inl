// Conversion of 32 pixels at a time, the two luma rows of a chroma row at once and nothing written
// in between. Bit for bit what loops_convert.inl computes.

constexpr int kStep = 32;

// What chroma adds to 32 pixels; each vector holds pixels 0-7 and 16-23, or 8-15 and 24-31, the
// order that unpacking bytes gives.
struct StepTerms {
    __m256i r[2], g[2], b[2];
};

struct StepBytes {
    __m256i r, g, b;  // in the order of the pixels
};

FORCE_INLINE StepTerms step_terms(const uint8_t* pairs, const FixedYuv& k, bool second_is_v) {
    const __m256i both = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(pairs));
    const __m256i sign = _mm256_set1_epi16(int16_t(-0x8000)), high_byte = _mm256_set1_epi16(-256);
    const __m256i first = _mm256_xor_si256(_mm256_slli_epi16(both, 8), sign);
    const __m256i second = _mm256_xor_si256(_mm256_and_si256(both, high_byte), sign);
    const __m256i u = second_is_v ? first : second, v = second_is_v ? second : first;
    const auto times = [](const __m256i& chroma, int16_t coefficient) {
        return _mm256_mulhi_epi16(chroma, _mm256_set1_epi16(coefficient));
    };
    const __m256i offset = _mm256_set1_epi16(k.offset);
    const __m256i r = _mm256_add_epi16(times(v, k.rv), offset);
    const __m256i g = _mm256_add_epi16(_mm256_add_epi16(times(u, k.gu), times(v, k.gv)), offset);
    const __m256i b = _mm256_add_epi16(times(u, k.bu), offset);
    return {{_mm256_unpacklo_epi16(r, r), _mm256_unpackhi_epi16(r, r)},
            {_mm256_unpacklo_epi16(g, g), _mm256_unpackhi_epi16(g, g)},
            {_mm256_unpacklo_epi16(b, b), _mm256_unpackhi_epi16(b, b)}};
}

FORCE_INLINE StepBytes step_bytes(const uint8_t* luma, const StepTerms& terms, uint16_t k_luma) {
    const __m256i y = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(luma));
    const __m256i zero = _mm256_setzero_si256(), k = _mm256_set1_epi16(int16_t(k_luma));
    const __m256i low = _mm256_mulhi_epu16(_mm256_unpacklo_epi8(zero, y), k);
    const __m256i high = _mm256_mulhi_epu16(_mm256_unpackhi_epi8(zero, y), k);
    const auto channel = [&](const __m256i term[2]) {
        return _mm256_packus_epi16(
            _mm256_srai_epi16(_mm256_add_epi16(low, term[0]), kFractionBits),
            _mm256_srai_epi16(_mm256_add_epi16(high, term[1]), kFractionBits));
    };
    return {channel(terms.r), channel(terms.g), channel(terms.b)};
}

FORCE_INLINE void add_step(const __m256i& upper, const __m256i& lower, uint16_t* sums) {
    const __m256i ones = _mm256_set1_epi8(1);
    const __m256i a = _mm256_maddubs_epi16(_mm256_unpacklo_epi8(upper, lower), ones);
    const __m256i b = _mm256_maddubs_epi16(_mm256_unpackhi_epi8(upper, lower), ones);
    __m256i* at = reinterpret_cast<__m256i*>(sums);
    const __m256i left = _mm256_permute2x128_si256(a, b, 0x20);
    const __m256i right = _mm256_permute2x128_si256(a, b, 0x31);
    _mm256_storeu_si256(at, _mm256_add_epi16(_mm256_loadu_si256(at), left));
    _mm256_storeu_si256(at + 1, _mm256_add_epi16(_mm256_loadu_si256(at + 1), right));
}

FORCE_INLINE void add_yuv_step(const uint8_t* upper, const uint8_t* lower, const uint8_t* pairs,
                               const FixedYuv& k, bool second_is_v, ColumnSums& sums, int at) {
    const StepTerms terms = step_terms(pairs, k, second_is_v);
    const StepBytes a = step_bytes(upper, terms, k.luma);
    StepBytes b{_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256()};
    if (lower) b = step_bytes(lower, terms, k.luma);
    add_step(a.r, b.r, sums.r + at);
    add_step(a.g, b.g, sums.g + at);
    add_step(a.b, b.b, sums.b + at);
}

void add_yuv_avx2(const YuvRows& rows, int n, const FixedYuv& k, ColumnSums& sums, Terms&) {
    const auto [upper, lower, pairs, second_is_v] = rows;
    const FixedYuv fixed = k;
    int i = 0;
    if (lower) {
        for (; i + kStep <= n; i += kStep) {
            add_yuv_step(upper + i, lower + i, pairs + i, fixed, second_is_v, sums, i);
        }
    } else {
        for (; i + kStep <= n; i += kStep) {
            add_yuv_step(upper + i, nullptr, pairs + i, fixed, second_is_v, sums, i);
        }
    }
    if (i == n) return;
    // The rest, without reading beyond it; sums beyond n are nobody's.
    uint8_t rest[3][kStep] = {};
    const size_t bytes = static_cast<size_t>(n - i);
    std::memcpy(rest[0], upper + i, bytes);
    if (lower) std::memcpy(rest[1], lower + i, bytes);
    std::memcpy(rest[2], pairs + i, (bytes + 1) / 2 * 2);
    add_yuv_step(rest[0], lower ? rest[1] : nullptr, rest[2], fixed, second_is_v, sums, i);
}

FORCE_INLINE void pack_yuv_step(const uint8_t* luma, const uint8_t* pairs, const FixedYuv& k,
                                bool second_is_v, uint32_t* pixels) {
    const StepBytes bytes = step_bytes(luma, step_terms(pairs, k, second_is_v), k.luma);
    const __m256i weight = _mm256_set1_epi8(1);
    const __m256i rg[2] = {_mm256_unpacklo_epi8(bytes.r, bytes.g),
                           _mm256_unpackhi_epi8(bytes.r, bytes.g)};
    const __m256i bw[2] = {_mm256_unpacklo_epi8(bytes.b, weight),
                           _mm256_unpackhi_epi8(bytes.b, weight)};
    const __m256i quads[4] = {_mm256_unpacklo_epi16(rg[0], bw[0]),   // pixels 0-3, 16-19
                              _mm256_unpackhi_epi16(rg[0], bw[0]),   // 4-7, 20-23
                              _mm256_unpacklo_epi16(rg[1], bw[1]),   // 8-11, 24-27
                              _mm256_unpackhi_epi16(rg[1], bw[1])};  // 12-15, 28-31
    __m256i* to = reinterpret_cast<__m256i*>(pixels);
    _mm256_storeu_si256(to, _mm256_permute2x128_si256(quads[0], quads[1], 0x20));
    _mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(quads[2], quads[3], 0x20));
    _mm256_storeu_si256(to + 2, _mm256_permute2x128_si256(quads[0], quads[1], 0x31));
    _mm256_storeu_si256(to + 3, _mm256_permute2x128_si256(quads[2], quads[3], 0x31));
}

void pack_yuv_avx2(const YuvRows& rows, int n, const FixedYuv& k, uint32_t* pixels, Terms&) {
    const auto [upper, lower, pairs, second_is_v] = rows;
    const FixedYuv fixed = k;
    int i = 0;
    for (; i + kStep <= n; i += kStep) {
        pack_yuv_step(upper + i, pairs + i, fixed, second_is_v, pixels + i);
    }
    if (i == n) return;
    uint8_t rest[2][kStep] = {};
    uint32_t converted[kStep];
    const size_t count = static_cast<size_t>(n - i);
    std::memcpy(rest[0], upper + i, count);
    std::memcpy(rest[1], pairs + i, (count + 1) / 2 * 2);
    pack_yuv_step(rest[0], rest[1], fixed, second_is_v, converted);
    std::memcpy(pixels + i, converted, count * sizeof(uint32_t));
}
