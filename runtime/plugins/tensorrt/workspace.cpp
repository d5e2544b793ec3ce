#include "workspace.hpp"

#include "lane.hpp"

#include <algorithm>

namespace facedge::tensorrt {

void Workspace::leave(facedge_lane& lane) {
    lanes_.erase(std::remove(lanes_.begin(), lanes_.end(), &lane), lanes_.end());
}

void Workspace::grow(size_t bytes) {
    if (bytes <= scratch_.bytes()) return;
    cuda::DeviceMemory larger(context_, bytes);
    if (!lanes_.empty()) stream_.synchronize();
    std::swap(scratch_, larger);
    // First every lane leaves the old block, which cannot fail; then each is recorded, which can.
    for (facedge_lane* lane : lanes_) lane->use_scratch();
    for (facedge_lane* lane : lanes_) lane->prepare();
}

}  // namespace facedge::tensorrt
