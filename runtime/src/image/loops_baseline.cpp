#include "image/loops.hpp"

#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#define FORCE_INLINE inline __attribute__((always_inline))

namespace facedge {
namespace {

#include "image/loops_convert.inl"
#include "image/loops_bytes.inl"
#include "image/loops_sample.inl"
#include "image/loops_area.inl"
#include "image/loops_yuv.inl"

constexpr Loops kLoops{split_yuyv,  add_yuv, add_rgb,     pack_yuv,      pack_rgb,
                       mean_blocks, widen,   sample_area, sample_bicubic};

}  // namespace

const Loops* const kBaselineLoops = &kLoops;

}  // namespace facedge
