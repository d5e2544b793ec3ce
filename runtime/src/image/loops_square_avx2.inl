// Samples of squares of 1 to 1.5 blocks, four crop pixels at a time, in 16 bits as bilinear ones.

struct SquarePlaces {
    alignas(32) int32_t offset[kTileRow];
    alignas(32) uint32_t below[3][kTileRow];  // weights of rows, each twice
    alignas(32) uint32_t right[kTileRow][2];  // of columns: the first two and the third
};

void find_squares(const Samples& s, SquarePlaces& places) {
    const int32_t stride = static_cast<int32_t>(s.stride);
    const float u0 = s.u, v0 = s.v, du = s.du, dv = s.dv, t = s.stretch, inverse = 1 / t;
    const auto twice = [](int32_t weight) { return static_cast<uint32_t>(weight | weight << 16); };
    const int count = s.count;
    for (int i = 0; i < count; ++i) {
        const FixedCover x = fixed_cover(u0 + static_cast<float>(i) * du, t, inverse);
        const FixedCover y = fixed_cover(v0 + static_cast<float>(i) * dv, t, inverse);
        places.offset[i] = y.first * stride + x.first;
        for (int k = 0; k < 3; ++k) places.below[k][i] = twice(y.part[k]);
        places.right[i][0] = static_cast<uint32_t>(x.part[0] | x.part[1] << 16);
        places.right[i][1] = static_cast<uint32_t>(x.part[2]);
    }
    for (int i = count; i % 4 != 0; ++i) {
        places.offset[i] = places.offset[count - 1];
        for (auto& row : places.below) row[i] = row[count - 1];
        places.right[i][0] = places.right[i][1] = 0;
    }
}

// Three blocks of a row, weighed in x and y; the fourth has no weight.
FORCE_INLINE __m256i weighed(const Block* plane, ptrdiff_t stride, const SquarePlaces& places,
                             int i) {
    const Block* at = plane + places.offset[i];
    const auto row = [&](int y) {
        return _mm256_mulhrs_epi16(load_32(at + y * stride),
                                   _mm256_set1_epi32(static_cast<int>(places.below[y][i])));
    };
    long long columns;
    std::memcpy(&columns, places.right[i], sizeof columns);
    const __m256i right =
        _mm256_shuffle_epi8(_mm256_set1_epi64x(columns),
                            _mm256_setr_epi8(0, 1, 0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 2, 3, 4, 5,
                                             4, 5, 4, 5, 4, 5, -1, -1, -1, -1, -1, -1, -1, -1));
    const __m256i column = _mm256_add_epi16(_mm256_add_epi16(row(0), row(1)), row(2));
    return _mm256_mulhrs_epi16(column, right);
}

// Sums of the first and of the second two blocks, of each.
FORCE_INLINE __m256i halves(const __m256i& a, const __m256i& b) {
    return _mm256_add_epi16(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
}

void sample_square_avx2(const Samples& s, const Block* plane, uint8_t* rgb) {
    SquarePlaces places;
    find_squares(s, places);
    const ptrdiff_t stride = s.stride;
    store_row(s.count, rgb, [&](int i) {
        const auto at = [&](int k) { return weighed(plane, stride, places, i + k); };
        const __m256i left = halves(at(0), at(1)), right = halves(at(2), at(3));
        return rounded(_mm256_add_epi16(_mm256_permute2x128_si256(left, right, 0x20),
                                        _mm256_permute2x128_si256(left, right, 0x31)));
    });
}

void sample_area_avx2(const Samples& s, const Block* plane, uint8_t* rgb) {
    s.taps <= 2 ? sample_bilinear_avx2(s, plane, rgb) : sample_square_avx2(s, plane, rgb);
}
