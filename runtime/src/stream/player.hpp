// Plays one slot after the other: crops, super-resolution, action units, result. Allocates when it
// is made and never again.
#pragma once

#include "stream/cropper.hpp"
#include "stream/pipeline.hpp"
#include "stream/slot.hpp"
#include "stream/tracks.hpp"

namespace facedge {

class Player {
public:
    Player(const Pipeline& pipeline, int32_t max_tracks);

    // Makes the slot's result out of what was submitted, and calls release. Slots have to come in
    // the order of their frames.
    void play(Slot& slot);

    // Of the tracks, as Pipeline lays them out.
    StateBank& states() { return states_; }

private:
    facedge_code run(Slot& slot);
    facedge_code infer(Slot& slot, const Model& model, Part& part, size_t state_offset);
    void write_states(const Slot& slot, const Network& network, Lane& lane, size_t state_offset);
    void keep_states(const Slot& slot, const Network& network, const Lane& lane,
                     size_t state_offset);

    const Pipeline& pipeline_;
    Cropper cropper_;
    StateBank states_;
};

}  // namespace facedge
