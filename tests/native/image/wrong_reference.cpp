// A definition that nothing agrees with, for a facedge-checkkernels that has something to find.
#include "image/image.hpp"

namespace facedge {

void wrong_reference(const FrameView&, const Similarity&, facedge_filter, int width, int height,
                     uint8_t* rgb) {
    for (int i = 0; i < 3 * width * height; ++i) rgb[i] = static_cast<uint8_t>(97 * i);
}

}  // namespace facedge
