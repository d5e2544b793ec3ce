// YUV to RGB, in loops that compilers make vectors of.

int16_t high(int16_t a, int16_t b) { return static_cast<int16_t>((int32_t(a) * b) >> 16); }
uint16_t high(uint16_t a, uint16_t b) { return static_cast<uint16_t>((uint32_t(a) * b) >> 16); }

uint16_t to_byte(int16_t luma, int16_t term) {
    int16_t value = static_cast<int16_t>(static_cast<int16_t>(luma + term) >> kFractionBits);
    value = value < 0 ? int16_t(0) : value;
    return static_cast<uint16_t>(value > 255 ? int16_t(255) : value);
}

int16_t scaled(uint8_t luma, uint16_t k) {
    return static_cast<int16_t>(high(static_cast<uint16_t>(luma << 8), k));
}

int16_t centred(uint8_t chroma) { return static_cast<int16_t>((chroma - 128) * 256); }

void chroma_terms(const uint8_t* __restrict pairs, int n_pairs, const FixedYuv& k, bool second_is_v,
                  Terms& terms) {
    int16_t* __restrict r = terms.r;
    int16_t* __restrict g = terms.g;
    int16_t* __restrict b = terms.b;
    // V U is U V with the coefficients the other way round.
    const int16_t r0 = second_is_v ? int16_t(0) : k.rv, r1 = second_is_v ? k.rv : int16_t(0);
    const int16_t g0 = second_is_v ? k.gu : k.gv, g1 = second_is_v ? k.gv : k.gu;
    const int16_t b0 = second_is_v ? k.bu : int16_t(0), b1 = second_is_v ? int16_t(0) : k.bu;
    const int16_t offset = k.offset;
    for (int i = 0; i < n_pairs; ++i) {
        const int16_t first = centred(pairs[2 * i]), second = centred(pairs[2 * i + 1]);
        const int16_t red = static_cast<int16_t>(high(first, r0) + high(second, r1) + offset);
        const int16_t green = static_cast<int16_t>(high(first, g0) + high(second, g1) + offset);
        const int16_t blue = static_cast<int16_t>(high(first, b0) + high(second, b1) + offset);
        r[2 * i] = red, r[2 * i + 1] = red;
        g[2 * i] = green, g[2 * i + 1] = green;
        b[2 * i] = blue, b[2 * i + 1] = blue;
    }
}

void add_luma(const uint8_t* __restrict luma, const Terms& terms, int n, uint16_t k_luma,
              ColumnSums& sums) {
    const int16_t* __restrict r = terms.r;
    const int16_t* __restrict g = terms.g;
    const int16_t* __restrict b = terms.b;
    uint16_t* __restrict red = sums.r;
    uint16_t* __restrict green = sums.g;
    uint16_t* __restrict blue = sums.b;
    for (int i = 0; i < n; ++i) {
        const int16_t y = scaled(luma[i], k_luma);
        red[i] = static_cast<uint16_t>(red[i] + to_byte(y, r[i]));
        green[i] = static_cast<uint16_t>(green[i] + to_byte(y, g[i]));
        blue[i] = static_cast<uint16_t>(blue[i] + to_byte(y, b[i]));
    }
}

void add_yuv(const YuvRows& rows, int n, const FixedYuv& k, ColumnSums& sums, Terms& terms) {
    chroma_terms(rows.pairs, (n + 1) / 2, k, rows.second_is_v, terms);
    add_luma(rows.upper, terms, n, k.luma, sums);
    if (rows.lower) add_luma(rows.lower, terms, n, k.luma, sums);
}

void pack_yuv(const YuvRows& rows, int n, const FixedYuv& k, uint32_t* __restrict pixels,
              Terms& terms) {
    chroma_terms(rows.pairs, (n + 1) / 2, k, rows.second_is_v, terms);
    const uint8_t* __restrict luma = rows.upper;
    const int16_t* __restrict r = terms.r;
    const int16_t* __restrict g = terms.g;
    const int16_t* __restrict b = terms.b;
    for (int i = 0; i < n; ++i) {
        const int16_t y = scaled(luma[i], k.luma);
        pixels[i] = packed(to_byte(y, r[i]), to_byte(y, g[i]), to_byte(y, b[i]));
    }
}
