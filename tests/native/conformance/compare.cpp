#include "compare.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <sstream>

namespace conformance {

void Comparison::bytes(const std::string& what, const uint8_t* found, const uint8_t* expected,
                       size_t count) {
    compared_ += count;
    int largest = 0;
    double squares = 0;
    size_t worst = 0;
    for (size_t i = 0; i < count; ++i) {
        const int difference = std::abs(found[i] - expected[i]);
        squares += double(difference) * difference;
        differing_ += difference != 0;
        if (difference > largest) largest = difference, worst = i;
    }
    largest_levels_ = std::max(largest_levels_, largest);
    if (largest == 0) return;
    const double psnr = 10 * std::log10(255.0 * 255.0 * double(count) / squares);
    least_psnr_ = std::min(least_psnr_, psnr);
    if (largest <= tolerance_.levels || psnr >= tolerance_.psnr || !failure_.empty()) return;
    std::ostringstream text;
    text << what << " has " << int{found[worst]} << " at byte " << worst << ", expected "
         << int{expected[worst]} << " within " << tolerance_.levels;
    failure_ = text.str();
}

void Comparison::floats(const std::string& what, const float* found, const float* expected,
                        size_t count) {
    compared_ += count;
    for (size_t i = 0; i < count; ++i) {
        const double wanted = double{expected[i]};
        const double difference =
            std::fabs(double{found[i]} - wanted) / std::max(1.0, std::fabs(wanted));
        if (difference > largest_floats_) largest_floats_ = difference;
        // Not <=: a NaN differs from everything.
        if (difference <= tolerance_.floats || !failure_.empty()) continue;
        std::ostringstream text;
        text.precision(9);
        text << what << " has " << found[i] << " at " << i << ", expected " << expected[i]
             << " within " << tolerance_.floats;
        failure_ = text.str();
    }
}

std::string Comparison::summary() const {
    if (compared_ == 0) return "nothing was compared";
    std::ostringstream text;
    if (!failure_.empty()) text << failure_ << "; ";
    text << compared_ << " values, ";
    if (differing_ > 0) {
        text << differing_ << " bytes differ by at most " << largest_levels_ << " (" << least_psnr_
             << " dB), ";
    }
    text << "floats by at most " << largest_floats_;
    return text.str();
}

}  // namespace conformance
