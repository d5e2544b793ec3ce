// Stage 2: crop pixels out of blocks. A vector holds two neighbouring blocks, R G B and weight
// each.

// Writes four bytes, of which the fourth belongs to the next pixel; the last pixel of a row three.
void store(const F4& value, uint8_t* rgb, bool last) {
    const uint32_t bytes = to_bytes(value);
    std::memcpy(rgb, &bytes, last ? 3 : 4);
}

// Parts of three blocks in a row that a stretch of t blocks around `place` covers, divided by t.
struct Cover {
    int32_t first;
    float part[3];
};

Cover cover(float place, float t, float inverse) {
    Cover c;
    const float begin = place - 0.5f * t + 0.5f;
    c.first = static_cast<int32_t>(begin);
    const float part = static_cast<float>(c.first + 1) - begin;
    const float rest = t - part;
    c.part[0] = part * inverse;
    c.part[1] = (rest < 1 ? rest : 1.0f) * inverse;
    c.part[2] = (rest > 1 ? rest - 1 : 0.0f) * inverse;
    return c;
}

// The same with parts in 15 bits whose sum is 1.
struct FixedCover {
    int32_t first;
    int32_t part[3];
};

FixedCover fixed_cover(float place, float t, float inverse) {
    constexpr int32_t kOne = 1 << 15;
    const Cover c = cover(place, t, inverse);
    const auto fixed = [](float part) {
        const int32_t weight = static_cast<int32_t>(part * kOne);
        return weight < kOne ? weight : kOne - 1;
    };
    const int32_t first = fixed(c.part[0]), second = fixed(c.part[1]);
    return {c.first, {first, second, kOne - first - second}};
}

// Keys' cubic kernel (a = -1/2) at the blocks first, first + 1, ... of a place.
int32_t keys_weights(float place, float stretch, float* __restrict weights) {
    const int32_t first = static_cast<int32_t>(place - 2 * stretch) + 1;
    const float inverse = 1 / stretch;
    const float begin = (static_cast<float>(first) - place) * inverse;
    for (int i = 0; i < kMaxTaps; ++i) {
        float d = begin + static_cast<float>(i) * inverse;
        d = d < 0 ? -d : d;
        const float near = (1.5f * d - 2.5f) * d * d + 1;
        const float far = ((-0.5f * d + 2.5f) * d - 4) * d + 2;
        const float inside = d < 1 ? near : far;
        weights[i] = d < 2 ? inside : 0.0f;
    }
    return first;
}

// kPairs vectors of two blocks in a row.
template <int kPairs>
void sample_keys(const Samples& s, const float* __restrict plane, uint8_t* __restrict rgb) {
    alignas(32) float wx[kMaxTaps], wy[kMaxTaps];
    const int count = s.count;
    for (int i = 0; i < count; ++i) {
        const int32_t x = keys_weights(s.u + static_cast<float>(i) * s.du, s.stretch, wx);
        const int32_t y = keys_weights(s.v + static_cast<float>(i) * s.dv, s.stretch, wy);
        const float* row = plane + 4 * (y * s.stride + x);
        F8 sums[kPairs] = {};
        for (int j = 0; j < s.taps; ++j, row += 4 * s.stride) {
            for (int k = 0; k < kPairs; ++k) sums[k] += two_blocks(row + 8 * k) * wy[j];
        }
        F4 sum = left_of(sums[0]) * wx[0] + right_of(sums[0]) * wx[1];
        for (int k = 1; k < kPairs; ++k) {
            sum += left_of(sums[k]) * wx[2 * k] + right_of(sums[k]) * wx[2 * k + 1];
        }
        const F4 mean = sum / sum[3];
        const F4 zero = {}, most = zero + 255.0f;
        const F4 positive = mean > zero ? mean : zero;
        store(positive < most ? positive : most, rgb + 3 * i, i + 1 == count);
    }
}

void sample_bicubic(const Samples& s, const float* plane, uint8_t* rgb) {
    switch ((s.taps + 1) / 2) {
        case 1:
        case 2: return sample_keys<2>(s, plane, rgb);
        case 3: return sample_keys<3>(s, plane, rgb);
        case 4: return sample_keys<4>(s, plane, rgb);
        case 5: return sample_keys<5>(s, plane, rgb);
        case 6: return sample_keys<6>(s, plane, rgb);
        case 7: return sample_keys<7>(s, plane, rgb);
        default: return sample_keys<8>(s, plane, rgb);
    }
}
