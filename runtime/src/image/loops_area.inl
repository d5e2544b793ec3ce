// Area samples: a crop pixel is a square of blocks. A vector holds two neighbouring blocks.

constexpr float kPerBlock = 1.0f / kBlockOne;

// Bilinear: a square of one block.
void sample_bilinear(const Samples& s, const Block* __restrict plane, uint8_t* __restrict rgb) {
    alignas(32) int32_t offset[kTileRow];
    alignas(32) float right[kTileRow], below[kTileRow];
    const int32_t stride = static_cast<int32_t>(s.stride);
    const float u0 = s.u, v0 = s.v, du = s.du, dv = s.dv;
    const int count = s.count;
    for (int i = 0; i < count; ++i) {
        const float u = u0 + static_cast<float>(i) * du;
        const float v = v0 + static_cast<float>(i) * dv;
        const int32_t x = static_cast<int32_t>(u), y = static_cast<int32_t>(v);
        right[i] = u - static_cast<float>(x);
        below[i] = v - static_cast<float>(y);
        offset[i] = y * stride + x;
    }
    for (int i = 0; i < count; ++i) {
        const Block* at = plane + offset[i];
        const F8 above = two_blocks(at);
        const F8 column = above + (two_blocks(at + stride) - above) * below[i];
        const F4 left = left_of(column);
        store((left + (right_of(column) - left) * right[i]) * kPerBlock, rgb + 3 * i,
              i + 1 == count);
    }
}

// A square of 1 to 1.5 blocks, which touches three at most in each direction.
void sample_area(const Samples& s, const Block* __restrict plane, uint8_t* __restrict rgb) {
    if (s.taps <= 2) return sample_bilinear(s, plane, rgb);
    alignas(32) int32_t offset[kTileRow];
    alignas(32) float x0[kTileRow], x1[kTileRow], x2[kTileRow];
    alignas(32) float y0[kTileRow], y1[kTileRow], y2[kTileRow];
    const int32_t stride = static_cast<int32_t>(s.stride);
    const float u0 = s.u, v0 = s.v, du = s.du, dv = s.dv, t = s.stretch, inverse = 1 / t;
    const int count = s.count;
    for (int i = 0; i < count; ++i) {
        const Cover x = cover(u0 + static_cast<float>(i) * du, t, inverse);
        const Cover y = cover(v0 + static_cast<float>(i) * dv, t, inverse);
        offset[i] = y.first * stride + x.first;
        x0[i] = x.part[0] * kPerBlock, x1[i] = x.part[1] * kPerBlock;
        x2[i] = x.part[2] * kPerBlock;
        y0[i] = y.part[0], y1[i] = y.part[1], y2[i] = y.part[2];
    }
    for (int i = 0; i < count; ++i) {
        const Block* at = plane + offset[i];
        const F8 near = two_blocks(at) * y0[i] + two_blocks(at + stride) * y1[i] +
                        two_blocks(at + 2 * stride) * y2[i];
        const F8 far = two_blocks(at + 2) * y0[i] + two_blocks(at + stride + 2) * y1[i] +
                       two_blocks(at + 2 * stride + 2) * y2[i];
        store(left_of(near) * x0[i] + right_of(near) * x1[i] + left_of(far) * x2[i], rgb + 3 * i,
              i + 1 == count);
    }
}
