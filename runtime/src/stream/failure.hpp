// Failures of a frame that was accepted: they become its result. No allocation.
#pragma once

#include "stream/slot.hpp"
#include "stream/model.hpp"

namespace facedge {

// The first failure of a frame is the one that is reported.
[[gnu::format(printf, 3, 4)]] facedge_code fail_slot(Slot& slot, facedge_code code,
                                                     const char* format, ...);

// What the back end of `model` reported.
facedge_code fail_slot(Slot& slot, const Model& model, int reported, facedge_error& error);

}  // namespace facedge
