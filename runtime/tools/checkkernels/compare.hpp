// Crops against their definition.
#pragma once

#include "cropper.hpp"

#include <cstdint>

namespace facedge::check {

struct Agreement {
    int64_t values = 0;  // compared: three of a pixel
    int64_t equal = 0;
    int most = 0;        // largest difference, grey levels
    int worst_case = -1;
    std::string worst;   // describes that case
};

// Adds one sample's comparison with crop_reference().
void compare(const Sample& sample, int index, const Crops& found, Agreement& agreement);

}  // namespace facedge::check
