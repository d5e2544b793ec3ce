#include "compare.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <sstream>

namespace conformance {

void Comparison::bytes(const std::string& what, const uint8_t* found, const uint8_t* expected,
                       size_t count) {
    compared_ += count;
    for (size_t i = 0; i < count; ++i) {
        const int difference = std::abs(found[i] - expected[i]);
        largest_levels_ = std::max(largest_levels_, difference);
        differing_ += difference != 0;
        if (difference <= tolerance_.levels || !failure_.empty()) continue;
        std::ostringstream text;
        text << what << " has " << int{found[i]} << " at byte " << i << ", expected "
             << int{expected[i]} << " within " << tolerance_.levels;
        failure_ = text.str();
    }
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
    text << compared_ << " values, at most " << largest_levels_ << " levels (" << differing_
         << " bytes) and " << largest_floats_ << " apart";
    return text.str();
}

}  // namespace conformance
