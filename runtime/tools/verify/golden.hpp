// The golden vectors of a bundle: inputs, and the outputs that the builder got from them.
#pragma once

#include "bundle/bundle.hpp"
#include "bundle/npy.hpp"

#include <vector>

namespace facedge::verify {

struct Golden {
    size_t count = 0;                       // pictures, at least 1
    std::vector<NpyArray> inputs, outputs;  // in the manifest's order, [count, ...] each
};

// FACEDGE_EBUNDLE: a vector is missing, altered, of another type or size than the manifest says, or
// the files do not hold the same number of pictures.
Status load_golden(const Bundle& bundle, const GoldenSet& set, Golden& out);

}  // namespace facedge::verify
