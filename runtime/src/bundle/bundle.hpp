// A bundle on disk: its manifest, and bytes that were compared with their hashes.
// The Python twin is runtime/bundle.py; both refuse the same bundles with the same sentences.
#pragma once

#include "status.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace facedge {

struct TensorSpec {
    std::string name;
    std::string dtype;           // "uint8" or "float32"
    std::vector<int64_t> shape;  // shape[0] is -1, the batch

    size_t elements() const;  // of one batch row
    size_t bytes() const;     // of one batch row
};

struct Artifact {
    std::string backend, path, dialect, version, device;
    int32_t max_batch = 0;  // 0: no limit
};

struct GoldenSet {
    std::string dialect;
    std::map<std::string, std::string> inputs, outputs;  // tensor -> .npy path
    double min_psnr_db = 0;
    double max_abs = 0;
};

struct Manifest {
    std::string name, model, task, precision, preferred;
    int32_t steps = 0, scale = 0;
    bool stateful = false;
    std::vector<TensorSpec> inputs, outputs;
    std::vector<Artifact> artifacts;
    std::vector<GoldenSet> golden;
    std::map<std::string, std::string> files;  // path -> SHA-256 in hex
};

// Parses manifest.json and checks schema, digest, types and contradictions.
//   bytes  the file
//   file   what to call it in messages
Status parse_manifest(std::string_view bytes, const std::string& file, Manifest& out);

class Bundle {
public:
    // Reads the manifest and checks the folder: presence of every file, no unlisted graph or plan,
    // no links, no path outside; with `hashes` every file's SHA-256 too.
    static Status load(const std::string& folder, bool hashes, Bundle& out);

    // One listed file, compared with its hash as it is read.
    Status read(const std::string& name, std::vector<uint8_t>& out) const;

    const std::string& folder() const { return folder_; }
    const Manifest& manifest() const { return manifest_; }

private:
    std::string folder_;
    Manifest manifest_;
};

}  // namespace facedge
