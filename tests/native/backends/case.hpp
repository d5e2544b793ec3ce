// One graph to play: a folder with model.onnx, tensors.txt and one raw file per input.
#pragma once

#include <facedge/facedge_backend.h>

#include <string>
#include <vector>

struct CaseTensor {
    bool input = false;
    std::string name, dtype;     // "uint8" or "float32"
    std::vector<int64_t> sizes;  // beyond the batch

    size_t row_bytes() const;
};

struct Case {
    std::string folder;
    std::vector<char> onnx;
    std::vector<CaseTensor> inputs, outputs;

    // Lines of tensors.txt: "input images uint8 4 4 3". Throws std::runtime_error.
    static Case read(const std::string& folder);
};

std::vector<char> read_file(const std::string& path);
void write_file(const std::string& path, const void* data, size_t bytes);

// The tensors as a host describes them; names live as long as `tensors`.
std::vector<facedge_tensor_info> describe(const std::vector<CaseTensor>& tensors);
