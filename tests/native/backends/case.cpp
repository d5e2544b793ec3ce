#include "case.hpp"

#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

std::vector<char> read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void write_file(const std::string& path, const void* data, size_t bytes) {
    std::ofstream file(path, std::ios::binary);
    file.write(static_cast<const char*>(data), static_cast<std::streamsize>(bytes));
    if (!file) throw std::runtime_error("cannot write " + path);
}

size_t CaseTensor::row_bytes() const {
    size_t bytes = dtype == "uint8" ? 1 : sizeof(float);
    for (const int64_t size : sizes) bytes *= static_cast<size_t>(size);
    return bytes;
}

Case Case::read(const std::string& folder) {
    Case made;
    made.folder = folder;
    made.onnx = read_file(folder + "/model.onnx");
    const std::vector<char> text = read_file(folder + "/tensors.txt");
    std::istringstream lines(std::string(text.begin(), text.end()));
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string side;
        CaseTensor tensor;
        words >> side >> tensor.name >> tensor.dtype;
        tensor.input = side == "input";
        for (int64_t size; words >> size;) tensor.sizes.push_back(size);
        (tensor.input ? made.inputs : made.outputs).push_back(tensor);
    }
    return made;
}

std::vector<facedge_tensor_info> describe(const std::vector<CaseTensor>& tensors) {
    std::vector<facedge_tensor_info> described;
    for (const CaseTensor& tensor : tensors) {
        facedge_tensor_info info = {};
        info.name = tensor.name.c_str();
        info.dtype = tensor.dtype == "uint8" ? FACEDGE_UINT8 : FACEDGE_FLOAT32;
        info.rank = static_cast<int32_t>(tensor.sizes.size()) + 1;
        info.shape[0] = -1;
        for (size_t i = 0; i < tensor.sizes.size(); ++i) info.shape[i + 1] = tensor.sizes[i];
        described.push_back(info);
    }
    return described;
}
