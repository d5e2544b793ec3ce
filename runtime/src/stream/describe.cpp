#include "stream/describe.hpp"

#include "stream/geometry.hpp"
#include "stream/rows.hpp"

#include <cstring>

namespace facedge {
namespace {

void describe_restored(const Pipeline& pipeline, const Slot& slot, size_t index,
                       const Similarity& restored_to_frame, facedge_face& face) {
    const Network& network = pipeline.sr->network();
    face.width = network.output_width;
    face.height = network.output_height;
    face.stride = ptrdiff_t{3} * network.output_width;
    face.restored =
        output_rows<uint8_t>(*slot.sr.lane, network.restored) + index * network.output_bytes();
    static_assert(sizeof face.restored_to_frame == sizeof restored_to_frame.m);
    std::memcpy(face.restored_to_frame, restored_to_frame.m, sizeof restored_to_frame.m);
}

// The graph gives landmarks in pixels of its own input.
void describe_units(const Pipeline& pipeline, Slot& slot, size_t index,
                    const Similarity& input_to_frame, facedge_face& face) {
    const Network& network = pipeline.au->network();
    face.probabilities =
        output_rows<float>(*slot.au.lane, network.probabilities) + index * FACEDGE_ACTION_UNITS;
    const float* found =
        output_rows<float>(*slot.au.lane, network.landmarks) + index * FACEDGE_LANDMARKS * 2;
    Landmarks& landmarks = slot.landmarks[index];
    for (size_t i = 0; i < FACEDGE_LANDMARKS; ++i)
        transform(input_to_frame, found + 2 * i, landmarks.points[i]);
    face.landmarks = landmarks.points;
}

const uint8_t* crop_of(const Pipeline& pipeline, const Slot& slot, size_t index) {
    if (slot.on_gpu()) return nullptr;  // never was in host memory
    const Network& network = pipeline.first().network();
    return input_rows<uint8_t>(*slot.first().lane, network.images) + index * network.input_bytes();
}

}  // namespace

void describe_faces(const Pipeline& pipeline, Slot& slot) {
    for (size_t i = 0; i < slot.count; ++i) {
        facedge_face& face = slot.faces[i];
        face = {};
        face.track = slot.tracks[i];
        face.fresh = slot.uses[i].fresh;
        face.crop = crop_of(pipeline, slot, i);
        Similarity restored_to_frame = {};
        if (pipeline.sr) {
            restored_to_frame = compose(slot.sr.to_frame[i], pipeline.restored_to_crop);
            describe_restored(pipeline, slot, i, restored_to_frame, face);
        }
        if (pipeline.au) {
            const Similarity input_to_frame =
                pipeline.au_from_restored ? compose(restored_to_frame, pipeline.au_to_restored)
                                          : slot.au.to_frame[i];
            describe_units(pipeline, slot, i, input_to_frame, face);
        }
    }
}

}  // namespace facedge
