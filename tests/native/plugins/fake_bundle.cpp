#include "plugins/fake_bundle.hpp"

#include "bundle/sha256.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace fake {
namespace {

namespace fs = std::filesystem;

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

std::string tensor(const std::string& name, const std::string& dtype, const std::string& sizes) {
    return "{\"name\": " + quoted(name) + ", \"dtype\": " + quoted(dtype) + ", \"shape\": [-1, " +
           sizes + "], \"meaning\": \"fake\"}";
}

std::string picture(const std::string& name, int height, int width) {
    return tensor(name, "uint8", std::to_string(height) + ", " + std::to_string(width) + ", 3");
}

std::string state(const std::string& name, const BundleSpec& spec) {
    return tensor(name, "float32",
                  std::to_string(spec.state_channels) + ", " + std::to_string(spec.height) + ", " +
                      std::to_string(spec.width));
}

std::string inputs_of(const BundleSpec& spec) {
    std::string text = picture("images", spec.height, spec.width);
    if (spec.state_channels) text += ", " + state("state_in", spec);
    return text;
}

std::string outputs_of(const BundleSpec& spec) {
    std::string text;
    if (spec.task == FACEDGE_TASK_SR)
        text = picture("restored", spec.height * spec.scale, spec.width * spec.scale);
    else
        text = tensor("probabilities", "float32", "12") + ", " +
               tensor("landmarks", "float32", "49, 2");
    if (spec.state_channels) text += ", " + state("state_out", spec);
    return text;
}

void write_file(const fs::path& path, const std::string& bytes) {
    fs::create_directories(path.parent_path());
    std::ofstream file(path, std::ios::binary);
    file << bytes;
    if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

}  // namespace

BundleSpec super_resolution(const std::string& options, int state_channels) {
    BundleSpec spec;
    spec.plans[0].options = options;
    spec.state_channels = state_channels;
    return spec;
}

BundleSpec action_units(const std::string& options) {
    BundleSpec spec;
    spec.task = FACEDGE_TASK_AU;
    spec.width = spec.height = 22;
    spec.scale = 1;
    spec.plans[0].options = options;
    spec.name = "fake-units";
    return spec;
}

void write_bundle(const std::string& folder, const BundleSpec& spec) {
    fs::remove_all(folder);
    fs::create_directories(folder);
    std::string artifacts, files;
    for (size_t i = 0; i < spec.plans.size(); ++i) {
        const Plan& plan = spec.plans[i];
        const std::string path = "engines/" + std::to_string(i) + "-" + plan.backend + ".plan";
        write_file(fs::path(folder) / path, plan.options);
        const std::string comma = i ? ", " : "";
        artifacts += comma + "{\"backend\": " + quoted(plan.backend) +
                     ", \"path\": " + quoted(path) +
                     ", \"dialect\": \"portable\", \"version\": " + quoted(plan.version) +
                     ", \"device\": " + quoted(plan.device) +
                     ", \"max_batch\": " + std::to_string(plan.max_batch) + "}";
        files += comma + quoted(path) + ": " +
                 quoted(facedge::sha256_hex(plan.options.data(), plan.options.size()));
    }
    const bool is_sr = spec.task == FACEDGE_TASK_SR;
    const std::string zeros(64, '0');
    std::string manifest =
        "{\"schema\": 1, \"digest\": " + quoted(zeros) + ", \"name\": " + quoted(spec.name) +
        ", \"model\": \"fake\", \"task\": " + quoted(is_sr ? "super-resolution" : "action-units") +
        ", \"precision\": \"fp32\", \"steps\": 1, \"scale\": " + std::to_string(spec.scale) +
        ", \"stateful\": " + (spec.state_channels ? "true" : "false") + ", \"inputs\": [" +
        inputs_of(spec) + "], \"outputs\": [" + outputs_of(spec) + "], \"artifacts\": [" +
        artifacts +
        "], \"golden\": [], \"gates\": [], \"quality\": {}, \"rewrites\": [], "
        "\"weights\": {\"sha256\": \"00\", \"source\": \"seeded\", \"licence\": \"none\"}, "
        "\"calibration\": null, \"preferred\": " +
        quoted(spec.preferred) + ", \"tools\": {}, \"files\": {" + files +
        "}, \"licence\": \"none\"}\n";
    const std::string digest = facedge::sha256_hex(manifest.data(), manifest.size());
    manifest.replace(manifest.find(zeros), zeros.size(), digest);
    write_file(fs::path(folder) / "manifest.json", manifest);
}

TemporaryFolder::TemporaryFolder() {
    path_ = (fs::temp_directory_path() / "facedge-XXXXXX").string();
    if (!mkdtemp(path_.data())) throw std::runtime_error("cannot make " + path_);
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

}  // namespace fake
