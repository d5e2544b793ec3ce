// Compiled with -mavx2 -mfma on x86-64 (see CMakeLists.txt). Nothing here may instantiate an inline
// function of a header: the linker could keep this file's copy for processors without AVX2.
#include "image/loops.hpp"

#if defined(__AVX2__) && defined(__FMA__)

#include <cstring>

#include <immintrin.h>

#define FORCE_INLINE inline __attribute__((always_inline))

namespace facedge {
namespace {

#include "image/loops_convert.inl"
#include "image/loops_bytes.inl"
#include "image/loops_sample.inl"
#include "image/loops_yuv_avx2.inl"
#include "image/loops_blocks_avx2.inl"
#include "image/loops_bilinear_avx2.inl"
#include "image/loops_square_avx2.inl"

constexpr Loops kLoops{split_yuyv,       add_yuv_avx2, add_rgb,          pack_yuv_avx2, pack_rgb,
                       mean_blocks_avx2, widen,        sample_area_avx2, sample_bicubic};

}  // namespace

const Loops* const kAvx2Loops = &kLoops;

}  // namespace facedge
#else
namespace facedge {
const Loops* const kAvx2Loops = nullptr;
}
#endif
