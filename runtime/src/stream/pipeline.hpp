// What a stream plays on every frame: decided when it is opened, then unchanged.
#pragma once

#include "image/image.hpp"
#include "stream/model.hpp"

#include <facedge/facedge.h>

#include <memory>
#include <vector>

namespace facedge {

struct Pipeline {
    std::shared_ptr<const Model> sr, au;  // either may be null
    bool au_from_restored = false;
    std::vector<int32_t> batches;         // ascending; the last is settings.max_faces
    std::vector<int32_t> batch_of_count;  // faces -> index in batches
    Similarity restored_to_crop = {};     // of the super-resolution model
    Similarity au_to_restored = {};       // action-unit crop -> restored face

    const Model& first() const { return sr ? *sr : *au; }
    bool au_reads_frame() const { return au && !au_from_restored; }

    // A track's state: the super-resolution model's floats, then the action-unit model's.
    size_t sr_state_floats() const { return sr ? sr->network().state_floats : 0; }
    size_t au_state_floats() const { return au ? au->network().state_floats : 0; }
    size_t state_floats() const { return sr_state_floats() + au_state_floats(); }
};

// Checks the settings, whose struct_size is right, and draws the conclusions. FACEDGE_EINVAL.
Status make_pipeline(const facedge_stream_settings& settings, Pipeline& out);

}  // namespace facedge
