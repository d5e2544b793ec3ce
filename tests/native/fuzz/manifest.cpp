// Whatever a bundle's manifest or a golden .npy holds, it is read whole or refused in one sentence.
// The first byte says what the rest is: modulo 4, 0 a .npy, 1 a manifest as it is, 2 and 3 one
// whose digest is put right first, as nothing behind the digest's check would be reached otherwise.
#include "bundle/bundle.hpp"
#include "bundle/npy.hpp"
#include "bundle/sha256.hpp"

#include <cstdio>
#include <cstdlib>

using namespace facedge;

namespace {

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
}

void check_refusal(const Status& status) {
    require(status.code() == FACEDGE_EBUNDLE, "a refusal is FACEDGE_EBUNDLE");
    require(status.message().rfind("file ", 0) == 0, "the sentence begins with the file");
    require(status.message().find('\n') == std::string::npos, "the sentence is one line");
}

// Bytes of the elements; sizes that overflow are what the readers must have refused.
uint64_t bytes_of(const std::string& dtype, const std::vector<int64_t>& shape, size_t first) {
    uint64_t bytes = dtype == "float32" ? 4 : 1;
    for (size_t i = first; i < shape.size(); ++i) {
        require(shape[i] >= 0, "no size is negative");
        require(!__builtin_mul_overflow(bytes, static_cast<uint64_t>(shape[i]), &bytes),
                "sizes do not overflow");
    }
    return bytes;
}

void check_npy(const std::vector<uint8_t>& bytes) {
    NpyArray array;
    const Status status = parse_npy(bytes, "file", array);
    if (!status) {
        check_refusal(status);
        require(array.shape.empty() && array.data.empty(), "a refused array is left empty");
        return;
    }
    require(array.dtype == "uint8" || array.dtype == "float32", "the element type is known");
    for (const int64_t size : array.shape)
        if (size == 0) return require(array.data.empty(), "an empty array has no elements");
    require(bytes_of(array.dtype, array.shape, 0) == array.data.size(), "every element is there");
}

void check_manifest(const std::string& text) {
    Manifest manifest;
    const Status status = parse_manifest(text, "file", manifest);
    if (!status) {
        check_refusal(status);
        require(manifest.name.empty() && manifest.inputs.empty(), "a refused one is left empty");
        return;
    }
    require(!manifest.inputs.empty() && !manifest.outputs.empty(), "something goes in and out");
    for (const auto* specs : {&manifest.inputs, &manifest.outputs})
        for (const TensorSpec& spec : *specs) {
            const uint64_t bytes = bytes_of(spec.dtype, spec.shape, 1);
            require(bytes > 0 && bytes <= uint64_t{1} << 30, "a picture is of a sensible size");
            require(spec.bytes() == bytes, "its bytes are counted");
        }
    for (const Artifact& artifact : manifest.artifacts)
        require(artifact.max_batch >= 0, "no batch is negative");
}

std::string sealed(std::string text) {
    const std::string key = "\"digest\": \"";
    const size_t at = text.find(key);
    if (at == std::string::npos || text.size() - at < key.size() + 64) return text;
    text.replace(at + key.size(), 64, std::string(64, '0'));
    return text.replace(at + key.size(), 64, sha256_hex(text.data(), text.size()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const std::string rest(data + 1, data + size);
    switch (data[0] % 4) {
        case 0: check_npy({data + 1, data + size}); break;
        case 1: check_manifest(rest); break;
        default: check_manifest(sealed(rest)); break;
    }
    return 0;
}
