#include "comparison.hpp"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>

namespace facedge::verify {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

// 10 log10(255^2 / mean squared difference).
double psnr_db(const std::vector<uint8_t>& a, const std::vector<uint8_t>& b) {
    uint64_t squares = 0;
    for (size_t i = 0; i < a.size(); ++i) {
        const int difference = int{a[i]} - int{b[i]};
        squares += static_cast<uint64_t>(difference * difference);
    }
    if (squares == 0) return kInfinite;
    const double mean = static_cast<double>(squares) / static_cast<double>(a.size());
    return 10 * std::log10(255.0 * 255.0 / mean);
}

double largest_difference(const std::vector<uint8_t>& a, const std::vector<uint8_t>& b) {
    double largest = 0;
    for (size_t i = 0; i + sizeof(float) <= a.size(); i += sizeof(float)) {
        float x, y;
        std::memcpy(&x, &a[i], sizeof x);
        std::memcpy(&y, &b[i], sizeof y);
        const double difference = std::fabs(double{x} - double{y});
        if (std::isnan(difference)) return difference;
        if (difference > largest) largest = difference;
    }
    return largest;
}

template <class... Arguments>
std::string print(const char* format, Arguments... arguments) {
    char text[160];
    std::snprintf(text, sizeof text, format, arguments...);
    return text;
}

}  // namespace

Comparison compare(const std::vector<uint8_t>& found, const NpyArray& expected,
                   const GoldenSet& limits) {
    Comparison result;
    if (found.size() != expected.data.size()) {  // a back end's fault, and no reason to read beyond
        result.measured = result.limit = std::numeric_limits<double>::quiet_NaN();
        result.sentence = "has another size than the golden one";
        return result;
    }
    if (expected.dtype == "uint8") {
        result.measured = psnr_db(found, expected.data);
        result.limit = limits.min_psnr_db;
        result.unit = "dB";
        result.passed = result.measured >= result.limit;
        const std::string agrees =
            std::isinf(result.measured)
                ? "is identical"
                : print(result.passed ? "agrees to %.1f dB" : "agrees only to %.1f dB",
                        result.measured);
        result.sentence = agrees + print(", limit at least %g dB", result.limit);
    } else {
        result.measured = largest_difference(found, expected.data);
        result.limit = limits.max_abs;
        result.passed = result.measured <= result.limit;
        result.sentence = print("differs by %.3g, limit at most %g", result.measured, result.limit);
    }
    return result;
}

}  // namespace facedge::verify
