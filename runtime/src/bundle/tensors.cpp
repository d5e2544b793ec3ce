#include "bundle/tensors.hpp"

#include "bundle/text.hpp"

#include <algorithm>

namespace facedge {
namespace {

constexpr int64_t kMostRowBytes = int64_t{1} << 30;  // keeps every size computed later in range

struct Form {
    const char* name;
    const char* dtype;
    size_t rank;  // the batch included
};

constexpr Form kForms[] = {
    {"images", "uint8", 4},      {"restored", "uint8", 4},   {"probabilities", "float32", 2},
    {"landmarks", "float32", 3}, {"state_in", "float32", 4}, {"state_out", "float32", 4},
};

using Names = std::vector<std::string>;
using Sizes = std::vector<int64_t>;

const Form& form_of(const std::string& name) {
    const auto same = [&](const Form& form) { return name == form.name; };
    return *std::find_if(std::begin(kForms), std::end(kForms) - 1, same);
}

bool too_large(const TensorSpec& spec) {
    int64_t bytes = spec.dtype == "float32" ? 4 : 1;
    for (size_t i = 1; i < spec.shape.size(); ++i) {
        if (spec.shape[i] > kMostRowBytes / bytes) return true;
        bytes *= spec.shape[i];
    }
    return false;
}

std::string wrong_tensors(const char* what, const std::vector<TensorSpec>& found,
                          const Names& expected) {
    Names names;
    for (const TensorSpec& spec : found) names.push_back(spec.name);
    if (names != expected)
        return join({"its ", what, " are ", listed(names), ", expected ", listed(expected)});
    for (const TensorSpec& spec : found) {
        const Form& form = form_of(spec.name);
        const bool sound =
            spec.dtype == form.dtype && spec.shape.size() == form.rank && spec.shape[0] == -1 &&
            std::all_of(spec.shape.begin() + 1, spec.shape.end(), [](int64_t n) { return n >= 1; });
        if (sound && !too_large(spec)) continue;
        const std::string is =
            join({spec.name, " is ", one_line(spec.dtype), " ", listed(spec.shape), ", expected "});
        if (sound) return join({is, "at most 1 GiB for one picture"});
        return join({is, form.dtype, " with ", std::to_string(form.rank),
                     " dimensions, the first -1 and the others fixed"});
    }
    return {};
}

const TensorSpec* find(const Manifest& manifest, const std::string& name) {
    for (const auto* specs : {&manifest.inputs, &manifest.outputs})
        for (const TensorSpec& spec : *specs)
            if (spec.name == name) return &spec;
    return nullptr;
}

std::string wrong_size(const Manifest& manifest, const char* name, const Sizes& expected) {
    const TensorSpec& spec = *find(manifest, name);
    if (std::equal(spec.shape.begin() + 1, spec.shape.end(), expected.begin(), expected.end()))
        return {};
    return join(
        {spec.name, " is of size ", listed(spec.shape, 1), ", expected ", listed(expected)});
}

std::string wrong_sizes(const Manifest& manifest) {
    const Sizes& images = find(manifest, "images")->shape;
    const int64_t height = images[1], width = images[2];
    std::string wrong = wrong_size(manifest, "images", {height, width, 3});
    if (wrong.empty() && manifest.task == "super-resolution") {
        const int64_t scale = manifest.scale;  // 31 bits by 30: no overflow
        wrong = wrong_size(manifest, "restored", {height * scale, width * scale, 3});
    } else if (wrong.empty()) {
        wrong = wrong_size(manifest, "probabilities", {12});
        if (wrong.empty()) wrong = wrong_size(manifest, "landmarks", {49, 2});
    }
    if (wrong.empty() && manifest.stateful) {
        const Sizes& in = find(manifest, "state_in")->shape;
        wrong = wrong_size(manifest, "state_out", Sizes(in.begin() + 1, in.end()));
    }
    return wrong;
}

std::string wrong_batch(const Manifest& manifest) {
    for (const Artifact& artifact : manifest.artifacts)
        if (artifact.max_batch < 0)
            return join({"max_batch of ", one_line(artifact.path), " is ",
                         std::to_string(artifact.max_batch), ", expected 0 or more"});
    return {};
}

}  // namespace

size_t TensorSpec::elements() const {
    size_t product = 1;
    for (size_t i = 1; i < shape.size(); ++i) product *= static_cast<size_t>(shape[i]);
    return product;
}

size_t TensorSpec::bytes() const { return elements() * (dtype == "float32" ? 4 : 1); }

std::string contradiction(const Manifest& manifest) {
    const bool is_au = manifest.task == "action-units";
    Names inputs = {"images"};
    Names outputs = is_au ? Names{"probabilities", "landmarks"} : Names{"restored"};
    if (manifest.stateful) {
        inputs.emplace_back("state_in");
        outputs.emplace_back("state_out");
    }
    std::string wrong = wrong_tensors("inputs", manifest.inputs, inputs);
    if (wrong.empty()) wrong = wrong_tensors("outputs", manifest.outputs, outputs);
    if (wrong.empty()) wrong = wrong_sizes(manifest);
    if (wrong.empty()) wrong = wrong_batch(manifest);
    return wrong;
}

}  // namespace facedge
