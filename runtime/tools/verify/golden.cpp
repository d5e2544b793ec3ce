#include "golden.hpp"

#include "bundle/text.hpp"

#include <algorithm>
#include <set>

namespace facedge::verify {
namespace {

bool fits(const NpyArray& array, const TensorSpec& spec) {
    return array.dtype == spec.dtype && array.shape.size() == spec.shape.size() &&
           std::equal(array.shape.begin() + 1, array.shape.end(), spec.shape.begin() + 1);
}

Status load(const Bundle& bundle, const std::vector<TensorSpec>& specs,
            const std::map<std::string, std::string>& paths, std::vector<NpyArray>& out) {
    for (const TensorSpec& spec : specs) {
        const auto path = paths.find(spec.name);
        if (path == paths.end())
            return {FACEDGE_EBUNDLE, bundle.folder() + " has no golden vector for " + spec.name +
                                         "; build the bundle again"};
        const std::string file = bundle.folder() + '/' + path->second;
        std::vector<uint8_t> bytes;
        if (Status status = bundle.read(path->second, bytes); !status) return status;
        NpyArray array;
        if (Status status = parse_npy(bytes, file, array); !status) return status;
        if (!fits(array, spec)) {
            const std::string sizes = listed(spec.shape, 1);
            return {FACEDGE_EBUNDLE, file + " is " + array.dtype + " " + listed(array.shape) +
                                         ", expected " + spec.dtype + " [N, " + sizes.substr(1) +
                                         "; build the bundle again"};
        }
        out.push_back(std::move(array));
    }
    return {};
}

}  // namespace

Status load_golden(const Bundle& bundle, const GoldenSet& set, Golden& out) {
    const Manifest& manifest = bundle.manifest();
    Golden golden;
    if (Status status = load(bundle, manifest.inputs, set.inputs, golden.inputs); !status)
        return status;
    if (Status status = load(bundle, manifest.outputs, set.outputs, golden.outputs); !status)
        return status;
    std::set<int64_t> counts;
    for (const auto* arrays : {&golden.inputs, &golden.outputs})
        for (const NpyArray& array : *arrays) counts.insert(array.shape[0]);
    if (counts.size() != 1 || *counts.begin() < 1 || *counts.begin() > INT32_MAX)
        return {FACEDGE_EBUNDLE,
                bundle.folder() + " has golden vectors of " +
                    listed(std::vector<int64_t>(counts.begin(), counts.end())) +
                    " pictures for one dialect, expected the same number, at least 1, in every "
                    "file; build the bundle again"};
    golden.count = static_cast<size_t>(*counts.begin());
    out = std::move(golden);
    return {};
}

}  // namespace facedge::verify
