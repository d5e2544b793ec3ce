// Vectors of four and of eight floats, and floats to bytes, which compilers' own vectors do one by one.

typedef float F4 __attribute__((vector_size(16)));

#if defined(__AVX2__)

typedef float F8 __attribute__((vector_size(32)));

F4 left_of(const F8& pair) { return _mm256_castps256_ps128(pair); }
F4 right_of(const F8& pair) { return _mm256_extractf128_ps(pair, 1); }

F8 two_blocks(const float* at) { return _mm256_loadu_ps(at); }

// Rounds values of 0..255 to the nearest.
uint32_t to_bytes(const F4& value) {
    const __m128i wide = _mm_cvttps_epi32(value + 0.5f);
    const __m128i words = _mm_packus_epi32(wide, wide);
    return static_cast<uint32_t>(_mm_cvtsi128_si32(_mm_packus_epi16(words, words)));
}

#else

struct F8 {
    F4 left, right;
};

F8 operator+(const F8& a, const F8& b) { return {a.left + b.left, a.right + b.right}; }
F8 operator*(const F8& a, float b) { return {a.left * b, a.right * b}; }
F8& operator+=(F8& a, const F8& b) { return a = a + b; }

F4 left_of(const F8& pair) { return pair.left; }
F4 right_of(const F8& pair) { return pair.right; }

F8 two_blocks(const float* at) {
    F8 values;
    std::memcpy(&values, at, sizeof values);
    return values;
}

#if defined(__SSE2__)

uint32_t to_bytes(const F4& value) {
    const __m128i wide = _mm_cvttps_epi32(value + 0.5f);
    const __m128i words = _mm_packs_epi32(wide, wide);
    return static_cast<uint32_t>(_mm_cvtsi128_si32(_mm_packus_epi16(words, words)));
}

#elif defined(__ARM_NEON) && defined(__aarch64__)

uint32_t to_bytes(const F4& value) {
    const uint16x4_t words = vmovn_u32(vcvtq_u32_f32(value + 0.5f));
    return vget_lane_u32(vreinterpret_u32_u8(vmovn_u16(vcombine_u16(words, words))), 0);
}

#else

uint32_t to_bytes(const F4& value) {
    uint8_t bytes[4];
    for (int i = 0; i < 4; ++i) bytes[i] = static_cast<uint8_t>(value[i] + 0.5f);
    uint32_t together;
    std::memcpy(&together, bytes, sizeof together);
    return together;
}

#endif
#endif
