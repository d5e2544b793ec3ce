// Answers for tests/native/test_bundle*.py: reads "<length>\n<bytes>" records from stdin and prints
// one line for each, "ok ..." or the sentence of the refusal.
#include "bundle/bundle.hpp"
#include "bundle/npy.hpp"
#include "bundle/sha256.hpp"
#include "bundle/text.hpp"

#include <cstdio>
#include <cstring>
#include <string>

using namespace facedge;

namespace {

bool next_record(std::string& out) {
    size_t length = 0;
    if (std::scanf("%zu", &length) != 1 || std::getchar() != '\n') return false;
    out.resize(length);
    return std::fread(out.data(), 1, length, stdin) == length;
}

std::string number(double value) {
    char text[40];
    std::snprintf(text, sizeof text, "%.17g", value);
    return text;
}

std::string summary(const Manifest& manifest) {
    std::string out = "ok " + manifest.name + "|" + manifest.model + "|" + manifest.task + "|" +
                      manifest.precision + "|" + manifest.preferred + "|" +
                      std::to_string(manifest.steps) + "|" + std::to_string(manifest.scale) + "|" +
                      (manifest.stateful ? "stateful" : "stateless");
    for (const auto* specs : {&manifest.inputs, &manifest.outputs})
        for (const TensorSpec& spec : *specs)
            out += "|" + spec.name + " " + spec.dtype + " " + listed(spec.shape);
    for (const Artifact& a : manifest.artifacts)
        out += "|" + a.backend + " " + a.path + " " + a.dialect + " " + a.version + " " + a.device +
               " " + std::to_string(a.max_batch);
    for (const GoldenSet& golden : manifest.golden) {
        out +=
            "|" + golden.dialect + " " + number(golden.min_psnr_db) + " " + number(golden.max_abs);
        for (const auto* tensors : {&golden.inputs, &golden.outputs})
            for (const auto& [tensor, path] : *tensors) out += " " + tensor + "=" + path;
    }
    for (const auto& [path, hash] : manifest.files) out += "|" + path + " " + hash;
    return one_line(out);
}

std::string answer(const std::string& mode, const std::string& record) {
    const std::vector<uint8_t> bytes(record.begin(), record.end());
    Bundle bundle;
    Manifest manifest;
    NpyArray array;
    Status status;
    if (mode == "sha256") return sha256_hex(record.data(), record.size());
    if (mode == "manifest") {
        status = parse_manifest(record, "manifest.json", manifest);
        return status ? summary(manifest) : status.message();
    }
    if (mode == "npy") {
        status = parse_npy(bytes, "a.npy", array);
        return status ? "ok " + array.dtype + " " + listed(array.shape) + " " +
                            sha256_hex(array.data.data(), array.data.size())
                      : status.message();
    }
    status = Bundle::load(record, mode == "load", bundle);
    return status ? "ok " + bundle.manifest().name : status.message();
}

}  // namespace

int main(int argc, char** argv) {
    const std::string mode = argc == 2 ? argv[1] : "";
    if (mode != "sha256" && mode != "manifest" && mode != "npy" && mode != "load" &&
        mode != "load-unhashed") {
        std::fprintf(stderr, "usage: bundle_probe sha256|manifest|npy|load|load-unhashed\n");
        return 2;
    }
    std::string record;
    while (next_record(record)) std::printf("%s\n", answer(mode, record).c_str());
    return 0;
}
