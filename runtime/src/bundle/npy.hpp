// NumPy's .npy files (formats 1.0 to 3.0), uint8 and little-endian float32 in C order.
// Specification: numpy.lib.format.
#pragma once

#include "status.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace facedge {

struct NpyArray {
    std::string dtype;  // "uint8" or "float32"
    std::vector<int64_t> shape;
    std::vector<uint8_t> data;  // the elements' bytes
};

// `file` is what to call it in messages. FACEDGE_EBUNDLE for anything else than such a file.
Status parse_npy(const std::vector<uint8_t>& bytes, const std::string& file, NpyArray& out);

}  // namespace facedge
