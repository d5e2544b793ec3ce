// NumPy's .npy files (format 1.0 and 2.0), little-endian uint8 and float32 in C order.
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
