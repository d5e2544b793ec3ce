// Area samples: a crop pixel is a square of blocks. In the same 16 bits as the AVX2 loops, which makes
// both give the same bytes: blocks have 7 bits of fraction, weights 15. A vector holds two
// neighbouring blocks.

#if defined(__SSE2__)

typedef __m128i Pair;

Pair pair_at(const Block* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); }
Pair weights(int left, int right) {
    return _mm_unpacklo_epi64(_mm_set1_epi16(static_cast<int16_t>(left)),
                              _mm_set1_epi16(static_cast<int16_t>(right)));
}
Pair sum(const Pair& a, const Pair& b) { return _mm_add_epi16(a, b); }
Pair difference(const Pair& a, const Pair& b) { return _mm_sub_epi16(a, b); }
Pair right_first(const Pair& a) { return _mm_shuffle_epi32(a, _MM_SHUFFLE(1, 0, 3, 2)); }

// (a w + 2^14) / 2^15: bits 15 and up of the product, and bit 14 to round.
Pair weighed(const Pair& a, const Pair& w) {
    const __m128i high = _mm_mulhi_epi16(a, w), low = _mm_mullo_epi16(a, w);
    const __m128i half = _mm_and_si128(_mm_srli_epi16(low, 14), _mm_set1_epi16(1));
    const __m128i whole = _mm_or_si128(_mm_slli_epi16(high, 1), _mm_srli_epi16(low, 15));
    return _mm_add_epi16(whole, half);
}

uint32_t to_bytes(const Pair& block) {
    const __m128i half = _mm_set1_epi16(kBlockOne / 2);
    const __m128i whole = _mm_srai_epi16(_mm_add_epi16(block, half), kBlockBits);
    return static_cast<uint32_t>(_mm_cvtsi128_si32(_mm_packus_epi16(whole, whole)));
}

#elif defined(__ARM_NEON) && defined(__aarch64__)

typedef int16x8_t Pair;

Pair pair_at(const Block* at) { return vld1q_s16(&at->r); }
Pair weights(int left, int right) {
    return vcombine_s16(vdup_n_s16(static_cast<int16_t>(left)),
                        vdup_n_s16(static_cast<int16_t>(right)));
}
Pair sum(const Pair& a, const Pair& b) { return vaddq_s16(a, b); }
Pair difference(const Pair& a, const Pair& b) { return vsubq_s16(a, b); }
Pair right_first(const Pair& a) { return vextq_s16(a, a, 4); }
Pair weighed(const Pair& a, const Pair& w) { return vqrdmulhq_s16(a, w); }

uint32_t to_bytes(const Pair& block) {
    const int16x8_t whole = vshrq_n_s16(vaddq_s16(block, vdupq_n_s16(kBlockOne / 2)), kBlockBits);
    return vget_lane_u32(vreinterpret_u32_u8(vqmovun_s16(whole)), 0);
}

#else

struct Pair {
    int16_t lane[8];
};

template <typename Lane>
Pair each(Lane lane) {
    Pair made;
    for (int i = 0; i < 8; ++i) made.lane[i] = static_cast<int16_t>(lane(i));
    return made;
}

Pair pair_at(const Block* at) {
    Pair made;
    std::memcpy(&made, at, sizeof made);
    return made;
}
Pair weights(int left, int right) {
    return each([&](int i) { return i < 4 ? left : right; });
}
Pair sum(const Pair& a, const Pair& b) {
    return each([&](int i) { return a.lane[i] + b.lane[i]; });
}
Pair difference(const Pair& a, const Pair& b) {
    return each([&](int i) { return a.lane[i] - b.lane[i]; });
}
Pair right_first(const Pair& a) {
    return each([&](int i) { return a.lane[(i + 4) % 8]; });
}
Pair weighed(const Pair& a, const Pair& w) {
    return each([&](int i) { return (a.lane[i] * w.lane[i] + (1 << 14)) >> 15; });
}

uint32_t to_bytes(const Pair& block) {
    uint8_t bytes[4];
    for (int i = 0; i < 4; ++i) {
        const int whole = (block.lane[i] + kBlockOne / 2) >> kBlockBits;
        bytes[i] = static_cast<uint8_t>(whole < 0 ? 0 : whole > 255 ? 255 : whole);
    }
    uint32_t together;
    std::memcpy(&together, bytes, sizeof together);
    return together;
}

#endif

void store(const Pair& block, uint8_t* rgb, bool last) {
    const uint32_t bytes = to_bytes(block);
    std::memcpy(rgb, &bytes, last ? 3 : 4);
}

// Bilinear: a square of one block.
void sample_bilinear(const Samples& s, const Block* __restrict plane, uint8_t* __restrict rgb) {
    constexpr float kOne = 1 << 15;
    for (int i = 0; i < s.count; ++i) {
        const int32_t u = static_cast<int32_t>((s.u + static_cast<float>(i) * s.du) * kOne);
        const int32_t v = static_cast<int32_t>((s.v + static_cast<float>(i) * s.dv) * kOne);
        const int32_t right = u & 0x7fff, below = v & 0x7fff;
        const Block* at = plane + (v >> 15) * s.stride + (u >> 15);
        const Pair above = pair_at(at), under = pair_at(at + s.stride);
        const Pair column = sum(above, weighed(difference(under, above), weights(below, below)));
        const Pair change = difference(right_first(column), column);
        store(sum(column, weighed(change, weights(right, right))), rgb + 3 * i, i + 1 == s.count);
    }
}

// A square of 1 to 1.5 blocks, which touches three at most in each direction.
void sample_area(const Samples& s, const Block* __restrict plane, uint8_t* __restrict rgb) {
    if (s.taps <= 2) return sample_bilinear(s, plane, rgb);
    const float t = s.stretch, inverse = 1 / t;
    const ptrdiff_t stride = s.stride;
    for (int i = 0; i < s.count; ++i) {
        const FixedCover x = fixed_cover(s.u + static_cast<float>(i) * s.du, t, inverse);
        const FixedCover y = fixed_cover(s.v + static_cast<float>(i) * s.dv, t, inverse);
        const Block* at = plane + y.first * stride + x.first;
        const auto column = [&](const Block* top) {
            const auto row = [&](int k) {
                return weighed(pair_at(top + k * stride), weights(y.part[k], y.part[k]));
            };
            return sum(sum(row(0), row(1)), row(2));
        };
        const Pair both = sum(weighed(column(at), weights(x.part[0], x.part[1])),
                              weighed(column(at + 2), weights(x.part[2], 0)));
        store(sum(both, right_first(both)), rgb + 3 * i, i + 1 == s.count);
    }
}
