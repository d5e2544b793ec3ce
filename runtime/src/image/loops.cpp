#include "image/loops.hpp"

namespace facedge {
namespace {

bool has_avx2() {
#if defined(__x86_64__)
    return kAvx2Loops != nullptr && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return false;
#endif
}

const Loops* chosen = nullptr;

}  // namespace

const Loops& fastest_loops() {
    static const Loops& fastest = has_avx2() ? *kAvx2Loops : *kBaselineLoops;
    return fastest;
}

int all_loops(NamedLoops out[kMaxLoops]) {
    int n = 0;
    out[n++] = {"baseline", kBaselineLoops};
    if (has_avx2()) out[n++] = {"avx2", kAvx2Loops};
    return n;
}

void use_loops(const Loops& loops) { chosen = &loops; }

const Loops& loops_in_use() { return chosen ? *chosen : fastest_loops(); }

}  // namespace facedge
