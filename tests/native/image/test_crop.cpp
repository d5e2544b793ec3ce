// The fast crops against their definition; test_crop.py compares that with OpenCV.
#include "cases.hpp"

#include "image/loops.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>

using namespace facedge;
using namespace facedge::checkkernels;

namespace {

// Runs `test` with every kind of loops this processor has.
template <typename Test>
void with_all_loops(Test test) {
    NamedLoops kinds[kMaxLoops];
    const int n = all_loops(kinds);
    for (int i = 0; i < n; ++i) {
        CAPTURE(std::string(kinds[i].name));
        use_loops(*kinds[i].loops);
        test();
    }
    use_loops(fastest_loops());
}

// Blocks have 7 bits of fraction between the stages; what fixed point and rounding lose is below 1.
void agrees(const Case& one) {
    Difference difference;
    difference.add(cropped(one), reference(one));
    CAPTURE(one.description());
    CHECK(difference.worst <= 1);
}

// What add_yuv and pack_yuv make of n pixels.
struct Converted {
    std::vector<uint16_t> columns;
    std::vector<int16_t> blocks;
};

Converted converted(const Loops& loops, const YuvRows& rows, int n, const FixedYuv& k,
                    Summing how) {
    const auto sums = std::make_unique<ColumnSums>();
    const auto scratch = std::make_unique<RowScratch>();
    const auto blocks = std::make_unique<Block[]>(static_cast<size_t>(n));
    loops.add_yuv(rows, n, k, how, *sums, *scratch);
    how.first = false;
    loops.add_yuv(rows, n, k, how, *sums, *scratch);
    loops.pack_yuv(rows, n, k, blocks.get(), *scratch);
    Converted all;
    const int columns = how.pairs ? n / 2 : n;
    for (const uint16_t* from : {sums->r, sums->g, sums->b}) {
        all.columns.insert(all.columns.end(), from, from + columns);
    }
    for (int i = 0; i < n; ++i) {
        const Block& one = blocks[static_cast<size_t>(i)];
        all.blocks.insert(all.blocks.end(), {one.r, one.g, one.b, one.weight});
    }
    return all;
}

OwnedFrame gradient(facedge_format format, int32_t width, int32_t height) {
    OwnedFrame frame(format, FACEDGE_MATRIX_IDENTITY, FACEDGE_RANGE_FULL, width, height, 0);
    for (size_t i = 0; i < frame.plane(0).size(); ++i) {
        frame.plane(0)[i] = static_cast<uint8_t>(i * 7 + i / 97);
    }
    return frame;
}

}  // namespace

TEST_CASE("random crops agree with the definition") {
    with_all_loops([] {
        for (uint64_t i = 0; i < 60; ++i) agrees(make_case(7, i));
    });
}

TEST_CASE("all kinds of loops convert to the same bits") {
    std::mt19937 random(11);
    std::vector<uint8_t> noise(size_t{2} * kMostUnscaled * kPiece);
    for (uint8_t& value : noise) value = static_cast<uint8_t>(random());
    // BT.709 of limited range; the largest coefficients saturate most.
    const FixedYuv k{9539, 14686, -1747, -4366, 17305, -595};
    NamedLoops kinds[kMaxLoops];
    const int n_kinds = all_loops(kinds);
    for (const int n : {2, 31, 32, 33, 64, 100, 1023, 1024}) {
        for (const bool pairs : {false, true}) {
            if (pairs && n % 2 != 0) continue;
            for (int count = 1; count <= (pairs ? kMostUnscaled / 2 : kMostUnscaled); ++count) {
                YuvRows rows = {};
                rows.count = count;
                rows.second_is_v = count % 3 != 0;
                for (int row = 0; row < count; ++row) {
                    // The first row is the lower one of its chroma, in half of the cases.
                    const int chroma = kMostUnscaled + (row + count % 2) / 2;
                    rows.luma[row] = &noise[static_cast<size_t>(row) * kPiece];
                    rows.pairs[row] = &noise[static_cast<size_t>(chroma) * kPiece];
                }
                const Summing how{pairs, true, count % 4};
                const Converted expected = converted(*kBaselineLoops, rows, n, k, how);
                for (int i = 0; i < n_kinds; ++i) {
                    CAPTURE(std::string(kinds[i].name));
                    const Converted found = converted(*kinds[i].loops, rows, n, k, how);
                    CHECK(found.columns == expected.columns);
                    CHECK(found.blocks == expected.blocks);
                }
            }
        }
    }
}

TEST_CASE("all kinds of loops make the same area crops") {
    // Places differ in their last bit where only one kind fuses multiply and add: hardly ever a
    // weight of 15 bits falls to the other side of one.
    NamedLoops kinds[kMaxLoops];
    const int n_kinds = all_loops(kinds);
    size_t values = 0, others = 0;
    for (uint64_t i = 0; i < 120; ++i) {
        Case one = make_case(29, i);
        one.filter = FACEDGE_FILTER_AREA;
        use_loops(*kBaselineLoops);
        const std::vector<uint8_t> expected = cropped(one);
        for (int k = 0; k < n_kinds; ++k) {
            use_loops(*kinds[k].loops);
            const std::vector<uint8_t> found = cropped(one);
            for (size_t j = 0; j < found.size(); ++j) others += found[j] != expected[j];
            values += found.size();
        }
    }
    use_loops(fastest_loops());
    CAPTURE(values);
    CHECK(values > 100000);
    CHECK(static_cast<double>(others) <= 1e-4 * static_cast<double>(values));
}

TEST_CASE("white stays white and black stays black") {
    // At every number of block columns and rows, and wherever a crop pixel lies among them.
    with_all_loops([] {
        for (const int value : {0, 255}) {
            for (double scale = 0.3; scale < 60; scale *= 1.13) {
                for (const auto filter : {FACEDGE_FILTER_BICUBIC, FACEDGE_FILTER_AREA}) {
                    OwnedFrame frame(FACEDGE_FORMAT_GRAY8, FACEDGE_MATRIX_IDENTITY,
                                     FACEDGE_RANGE_FULL, 211, 135, 0);
                    std::fill(frame.plane(0).begin(), frame.plane(0).end(),
                              static_cast<uint8_t>(value));
                    const Case one{std::move(frame), filter, 19, 17,
                                   place(scale, scale, 100, 60, 19, 17)};
                    CAPTURE(one.description());
                    CHECK(cropped(one) == std::vector<uint8_t>(19 * 17 * 3, uint8_t(value)));
                }
            }
        }
    });
}

TEST_CASE("crops of several tiles agree, turned in any way") {
    // Only the blocks that a turned tile touches are made.
    with_all_loops([] {
        for (int i = 0; i < 24; ++i) {
            const double scale = i % 3 == 0 ? 0.9 : i % 3 == 1 ? 1.3 : 2.2;
            const auto filter = i % 2 ? FACEDGE_FILTER_BICUBIC : FACEDGE_FILTER_AREA;
            agrees({gradient(FACEDGE_FORMAT_GRAY8, 480, 360), filter, 200, 150,
                    place(scale, i * 0.2618, 240, 180, 200, 150)});
        }
    });
}

TEST_CASE("blocks larger than what is summed at once agree") {
    with_all_loops([] {
        for (const double scale : {150.0, 300.0, 2500.0}) {
            for (const auto filter : {FACEDGE_FILTER_BICUBIC, FACEDGE_FILTER_AREA}) {
                agrees({gradient(FACEDGE_FORMAT_GRAY8, 701, 403), filter, 3, 2,
                        place(scale, 0.2, 350, 200, 3, 2)});
            }
        }
    });
}

TEST_CASE("crops beside the frame repeat its border") {
    // Odd numbers of blocks beside an odd frame: pieces begin between the pixels of a pair.
    with_all_loops([] {
        for (const double x : {-300.0, 400.0}) {
            for (const double scale : {0.7, 1.0, 2.0, 3.0, 7.0}) {
                for (const auto filter : {FACEDGE_FILTER_BICUBIC, FACEDGE_FILTER_AREA}) {
                    OwnedFrame frame(FACEDGE_FORMAT_NV12, FACEDGE_MATRIX_BT601, FACEDGE_RANGE_FULL,
                                     101, 77, 0);
                    for (size_t i = 0; i < frame.plane(0).size(); ++i) {
                        frame.plane(0)[i] = static_cast<uint8_t>(i * 31);
                    }
                    for (size_t i = 0; i < frame.plane(1).size(); ++i) {
                        frame.plane(1)[i] = static_cast<uint8_t>(i * 17);
                    }
                    agrees({std::move(frame), filter, 16, 16, place(scale, 0, x, 40, 16, 16)});
                }
            }
        }
    });
}

TEST_CASE("at one frame pixel per crop pixel, pixels are copied") {
    with_all_loops([] {
        for (const auto filter : {FACEDGE_FILTER_BICUBIC, FACEDGE_FILTER_AREA}) {
            const OwnedFrame frame = gradient(FACEDGE_FORMAT_RGB24, 90, 70);
            const std::vector<uint8_t> pixels = frame.plane(0);
            const Case one{
                gradient(FACEDGE_FORMAT_RGB24, 90, 70), filter, 40, 30, {{1, 0, 17, 0, 1, 23}}};
            const std::vector<uint8_t> rgb = cropped(one);
            for (int y = 0; y < 30; ++y) {
                CHECK(std::memcmp(&rgb[size_t(y) * 120], &pixels[(size_t(y) + 23) * 270 + 51],
                                  120) == 0);
            }
        }
    });
}

TEST_CASE("red and blue change places between RGB24 and BGR24") {
    with_all_loops([] {
        for (const double scale : {0.6, 1.7, 9.3}) {
            const auto crop_of = [scale](facedge_format format) {
                return cropped({gradient(format, 200, 150), FACEDGE_FILTER_AREA, 20, 20,
                                place(scale, 0.4, 90, 80, 20, 20)});
            };
            const auto rgb = crop_of(FACEDGE_FORMAT_RGB24), bgr = crop_of(FACEDGE_FORMAT_BGR24);
            for (size_t i = 0; i < rgb.size(); i += 3) {
                CHECK(rgb[i] == bgr[i + 2]);
                CHECK(rgb[i + 1] == bgr[i + 1]);
            }
        }
    });
}

TEST_CASE("NV21 is NV12 with U and V in the other order") {
    with_all_loops([] {
        const auto crop_of = [](facedge_format format, double scale) {
            OwnedFrame frame(format, FACEDGE_MATRIX_BT709, FACEDGE_RANGE_LIMITED, 121, 95, 0);
            for (size_t i = 0; i < frame.plane(0).size(); ++i) {
                frame.plane(0)[i] = static_cast<uint8_t>(i * 13);
            }
            std::vector<uint8_t>& chroma = frame.plane(1);
            for (size_t i = 0; i < chroma.size(); ++i) {
                const size_t from = format == FACEDGE_FORMAT_NV12 ? i : i ^ 1;
                chroma[i] = static_cast<uint8_t>(from * 29);
            }
            return cropped({std::move(frame), FACEDGE_FILTER_BICUBIC, 16, 16,
                            place(scale, 0.1, 60, 50, 16, 16)});
        };
        for (const double scale : {1.3, 4.4}) {
            CHECK(crop_of(FACEDGE_FORMAT_NV12, scale) == crop_of(FACEDGE_FORMAT_NV21, scale));
        }
    });
}

TEST_CASE("nothing is written outside the crop and the scratch") {
    constexpr size_t kGuard = 64;
    with_all_loops([] {
        for (uint64_t i = 0; i < 30; ++i) {
            const Case one = make_case(8, i);
            const size_t scratch_bytes = crop_scratch_bytes(one.width, one.height);
            CHECK(scratch_bytes % 64 == 0);
            const size_t rgb_bytes = size_t{3} * size_t(one.width) * size_t(one.height);
            const std::unique_ptr<uint8_t, decltype(&std::free)> scratch(
                static_cast<uint8_t*>(std::aligned_alloc(64, scratch_bytes + kGuard)), &std::free);
            std::memset(scratch.get(), 0xff, scratch_bytes + kGuard);  // NaN, as floats
            std::vector<uint8_t> rgb(rgb_bytes + kGuard, 0xa5);
            crop(one.frame.view(), one.to_frame, one.filter, one.width, one.height, rgb.data(),
                 scratch.get());
            for (size_t k = 0; k < kGuard; ++k) {
                CHECK(scratch.get()[scratch_bytes + k] == 0xff);
                CHECK(rgb[rgb_bytes + k] == 0xa5);
            }
            rgb.resize(rgb_bytes);
            CHECK(rgb == cropped(one));  // whatever the scratch held
        }
    });
}

TEST_CASE("scratch does not grow with the crop beyond a tile") {
    CHECK(crop_scratch_bytes(16, 16) < crop_scratch_bytes(32, 32));
    CHECK(crop_scratch_bytes(176, 176) == crop_scratch_bytes(1024, 1024));
    CHECK(crop_scratch_bytes(1024, 1024) < 1 << 20);
}

TEST_CASE("each network gets the reduction that it was trained with") {
    CHECK(filter_of(Framing::kFace) == FACEDGE_FILTER_BICUBIC);
    CHECK(filter_of(Framing::kUnits) == FACEDGE_FILTER_AREA);
}
