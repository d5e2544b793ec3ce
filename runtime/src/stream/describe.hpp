// Fills the facedge_face of every face from the lanes' outputs.
#pragma once

#include "stream/pipeline.hpp"
#include "stream/slot.hpp"

namespace facedge {

void describe_faces(const Pipeline& pipeline, Slot& slot);

}  // namespace facedge
