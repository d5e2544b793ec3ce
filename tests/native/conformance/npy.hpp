// Reads NumPy's .npy files of one element type, in C order. The library's own reader is not used:
// it is one of the things under test.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace conformance {

template <class Element>
struct Array {
    std::vector<int64_t> shape;
    std::vector<Element> values;

    // Elements of one row of the first dimension.
    size_t row() const {
        size_t product = 1;
        for (size_t i = 1; i < shape.size(); ++i) product *= static_cast<size_t>(shape[i]);
        return product;
    }
};

// Throws std::runtime_error with a sentence for anything else than such a file.
Array<uint8_t> read_bytes(const std::string& file);
Array<float> read_floats(const std::string& file);

bool exists(const std::string& file);

}  // namespace conformance
