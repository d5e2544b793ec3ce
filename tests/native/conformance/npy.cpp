#include "npy.hpp"

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

namespace conformance {
namespace {

std::string slurp(const std::string& file) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) throw std::runtime_error(file + " cannot be read");
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// The header is a Python dictionary: {'descr': '|u1', 'fortran_order': False, 'shape': (3, 4), }.
template <class Element>
Array<Element> read(const std::string& file, const std::string& type) {
    const std::string bytes = slurp(file);
    constexpr size_t kFixed = 10;  // magic, version and length of the header, format 1.0
    if (bytes.size() < kFixed || bytes.compare(0, 8, std::string("\x93NUMPY\x01\x00", 8)) != 0)
        throw std::runtime_error(file + " is not a .npy file of format 1.0");
    const auto length = [&](size_t at) { return size_t{static_cast<uint8_t>(bytes[at])}; };
    const size_t start = kFixed + length(8) + 256 * length(9);
    const std::string header = bytes.substr(kFixed, start - kFixed);
    if (header.find("'" + type + "'") == std::string::npos ||
        header.find("'fortran_order': False") == std::string::npos)
        throw std::runtime_error(file + " is not of type " + type + " in C order: " + header);
    Array<Element> array;
    size_t elements = 1;
    for (size_t at = header.find('('); at != std::string::npos && header[at] != ')';) {
        char* end = nullptr;
        const char* digits = header.c_str() + at + 1;
        const long size = std::strtol(digits, &end, 10);
        if (end == digits) break;  // the comma after a single size
        array.shape.push_back(size);
        elements *= static_cast<size_t>(size);
        at = static_cast<size_t>(end - header.c_str());
    }
    if (bytes.size() - start != elements * sizeof(Element))
        throw std::runtime_error(file + " is cut off");
    array.values.resize(elements);
    std::memcpy(array.values.data(), bytes.data() + start, elements * sizeof(Element));
    return array;
}

}  // namespace

Array<uint8_t> read_bytes(const std::string& file) { return read<uint8_t>(file, "|u1"); }
Array<float> read_floats(const std::string& file) { return read<float>(file, "<f4"); }

bool exists(const std::string& file) { return std::ifstream(file).good(); }

}  // namespace conformance
