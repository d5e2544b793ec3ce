#include "bundle/bundle.hpp"

#include "bundle/digest.hpp"
#include "bundle/files.hpp"
#include "bundle/guard.hpp"
#include "bundle/sha256.hpp"
#include "bundle/text.hpp"

#include <algorithm>
#include <cerrno>

namespace facedge {
namespace {

constexpr char kManifest[] = "manifest.json";
constexpr size_t kMostManifest = size_t{4} << 20;  // a hundred times what a builder writes
constexpr size_t kMostFile = size_t{2} << 30;      // what an ONNX file can be

Status refuse(std::initializer_list<std::string_view> parts) {
    return Status(FACEDGE_EBUNDLE, join(parts));
}

// What a file of a bundle is called in messages.
std::string file_name(const std::string& folder, const std::string& name) {
    return one_line(tidy_path(join({folder, "/", name})));
}

Status cannot_read(const std::string& file, int number) {
    if (number == ENOMEM)
        return Status(FACEDGE_ENOMEM, join({file, " cannot be read: out of memory; free some"}));
    return refuse({file, " cannot be read: ", error_text(number)});
}

// A graph or a plan: what a back end would execute.
bool is_playable(const std::string& name) {
    for (const std::string_view suffix : {".plan", ".engine", ".trt", ".onnx"}) {
        const auto same = [](char end, char c) {
            return end == (c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
        };
        if (name.size() >= suffix.size() &&
            std::equal(suffix.begin(), suffix.end(), name.end() - ptrdiff_t(suffix.size()), same))
            return true;
    }
    return false;
}

std::vector<std::string> references(const Manifest& manifest) {
    std::vector<std::string> names;
    for (const Artifact& artifact : manifest.artifacts) names.push_back(artifact.path);
    for (const GoldenSet& golden : manifest.golden)
        for (const auto* tensors : {&golden.inputs, &golden.outputs})
            for (const auto& [tensor, path] : *tensors) names.push_back(path);
    return names;
}

Status check_names(const std::string& folder, const Manifest& manifest) {
    const std::string file = folder + '/' + kManifest;
    const std::vector<std::string> used = references(manifest);
    std::vector<std::string> all;
    for (const auto& [name, hash] : manifest.files) all.push_back(name);
    all.insert(all.end(), used.begin(), used.end());
    for (const std::string& name : all)
        if (!is_inside(name))
            return refuse({file, " lists ", quoted(name),
                           ", which is not a path inside the bundle; ", kRebuild});
    for (const std::string& name : used)
        if (manifest.files.count(name) == 0)
            return refuse({file, " uses ", one_line(name), " and has no hash for it; ", kRebuild});
    return {};
}

Status check_unlisted(const std::string& folder, const Manifest& manifest) {
    for (const std::string& name : files_below(folder))
        if (is_playable(name) && manifest.files.count(name) == 0)
            return refuse({file_name(folder, name), " is not listed in ", kManifest,
                           ": a plan is code and an unlisted one is refused; remove it, and build "
                           "plans with facedge engine"});
    return {};
}

Status check_listed(const std::string& folder, const Manifest& manifest, bool hashes) {
    for (const auto& [name, expected] : manifest.files) {
        const std::string file = file_name(folder, name);
        if (!is_own_file(folder, name))
            return refuse({file, " is listed in ", kManifest,
                           " and is missing, a link or not a file; ", kRebuild});
        if (!hashes) continue;
        File opened;
        std::string found;
        int number = open_inside(folder, name, opened);
        if (number == 0) number = hash_all(opened, kMostFile, found);
        if (number != 0) return cannot_read(file, number);
        if (Status status = compare_hash(file, found, expected); !status) return status;
    }
    return {};
}

Status read_manifest(const std::string& folder, Manifest& out) {
    const std::string file = folder + '/' + kManifest;
    if (!is_folder(folder))
        return refuse({folder, " is not a folder; expected a bundle made by facedge build"});
    File opened;
    std::vector<uint8_t> bytes;
    int number = open_file(file, opened);
    if (number == ENOENT)
        return refuse({folder, " has no ", kManifest, "; expected a bundle made by facedge build"});
    if (number == 0) number = read_all(opened, kMostManifest, bytes);
    if (number != 0) return cannot_read(file, number);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return parse_manifest(text, file, out);
}

}  // namespace

Status Bundle::load(const std::string& folder, bool hashes, Bundle& out) {
    return guarded([&]() -> Status {
        Bundle bundle;
        bundle.folder_ = tidy_path(folder);
        Manifest& manifest = bundle.manifest_;
        if (Status status = read_manifest(bundle.folder_, manifest); !status) return status;
        if (Status status = check_names(bundle.folder_, manifest); !status) return status;
        if (Status status = check_unlisted(bundle.folder_, manifest); !status) return status;
        Status status = check_listed(bundle.folder_, manifest, hashes);
        if (status) out = std::move(bundle);
        return status;
    });
}

Status Bundle::read(const std::string& name, std::vector<uint8_t>& out) const {
    return guarded([&]() -> Status {
        const std::string file = file_name(folder_, name);
        const auto listed = manifest_.files.find(name);
        if (listed == manifest_.files.end())
            return refuse({file, " is not listed in ", kManifest, " and is refused; ", kRebuild});
        File opened;
        std::vector<uint8_t> bytes;
        int number = open_inside(folder_, name, opened);
        if (number == 0) number = read_all(opened, kMostFile, bytes);
        if (number != 0) return cannot_read(file, number);
        Status status = compare_hash(file, sha256_hex(bytes.data(), bytes.size()), listed->second);
        if (status) out = std::move(bytes);
        return status;
    });
}

}  // namespace facedge
