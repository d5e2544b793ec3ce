// A lane's buffers as rows, one per face.
#pragma once

#include "stream/pipeline.hpp"
#include "stream/slot.hpp"

#include <cstring>

namespace facedge {

template <class Element>
Element* input_rows(const Lane& lane, int32_t tensor) {
    return static_cast<Element*>(lane.buffers().inputs[tensor]);
}

template <class Element>
const Element* output_rows(const Lane& lane, int32_t tensor) {
    return static_cast<const Element*>(lane.buffers().outputs[tensor]);
}

inline int32_t batch_index(const Pipeline& pipeline, const Slot& slot) {
    return pipeline.batch_of_count[slot.count];
}

// Rows the back end computes for the slot: its faces, and those that fill up the prepared batch.
inline size_t batch_size(const Pipeline& pipeline, const Slot& slot) {
    return static_cast<size_t>(pipeline.batches[static_cast<size_t>(batch_index(pipeline, slot))]);
}

// Repeats the last face's row up to the prepared batch: something real to compute on.
inline void fill_up(const Pipeline& pipeline, const Slot& slot, void* rows, size_t row_bytes) {
    char* row = static_cast<char*>(rows) + row_bytes * (slot.count - 1);
    for (size_t i = slot.count; i < batch_size(pipeline, slot); ++i)
        std::memcpy(row + row_bytes * (i - slot.count + 1), row, row_bytes);
}

}  // namespace facedge
