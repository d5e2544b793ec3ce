// How far what came out is from what is expected.
#pragma once

#include "case.hpp"

#include <cstdint>
#include <limits>
#include <string>

namespace conformance {

struct Tolerance {
    int levels = 0;        // of 255, of pictures
    double floats = 1e-6;  // absolute up to 1, relative above
    // A picture with a larger difference passes if its PSNR in dB is at least this.
    double psnr = std::numeric_limits<double>::infinity();
};

// Collects the largest differences of a case.
class Comparison {
public:
    explicit Comparison(const Tolerance& tolerance) : tolerance_(tolerance) {}

    // `what` names the array and the row in the sentence.
    void bytes(const std::string& what, const uint8_t* found, const uint8_t* expected,
               size_t count);
    void floats(const std::string& what, const float* found, const float* expected, size_t count);

    bool passed() const { return failure_.empty() && compared_ > 0; }
    std::string summary() const;

private:
    Tolerance tolerance_;
    size_t compared_ = 0, differing_ = 0;
    int largest_levels_ = 0;
    double largest_floats_ = 0;
    double least_psnr_ = std::numeric_limits<double>::infinity();
    std::string failure_;  // the first
};

}  // namespace conformance
