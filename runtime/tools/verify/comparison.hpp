// How well a back end's output agrees with the golden one.
#pragma once

#include "bundle/bundle.hpp"
#include "bundle/npy.hpp"

#include <string>
#include <vector>

namespace facedge::verify {

struct Comparison {
    bool passed = false;
    double measured = 0;  // uint8: PSNR in dB, infinite for equal ones; float32: largest absolute
                          // difference, NaN where one is not a number
    double limit = 0;
    std::string unit;      // "dB" or ""
    std::string sentence;  // such as "agrees to 52.1 dB, limit at least 36 dB"
};

// `found` is an output as large as `expected`.
Comparison compare(const std::vector<uint8_t>& found, const NpyArray& expected,
                   const GoldenSet& limits);

}  // namespace facedge::verify
