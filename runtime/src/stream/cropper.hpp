// Brings the faces of a slot into the input buffers of its lanes and gives the camera its buffer
// back.
#pragma once

#include "stream/pipeline.hpp"
#include "stream/slot.hpp"

#include <memory>

namespace facedge {

class Cropper {
public:
    explicit Cropper(const Pipeline& pipeline);

    // Starts to read what was submitted: all of it from host memory; on the GPU the crops may be
    // under way when it returns.
    facedge_code read(Slot& slot);

    // Returns when nothing of the submitted memory will be read any more, and has called release.
    // To be called whatever happened; a second call does nothing.
    facedge_code finish(Slot& slot);

    // Forgets crops on the GPU that a failure left behind: the next frame's enqueue must not take
    // them. After finish().
    void take_back(Slot& slot);

    // Cuts the action-unit model's input out of the restored faces.
    void crop_restored(Slot& slot);

private:
    facedge_code read_host_frame(Slot& slot);
    facedge_code start_on_gpu(Slot& slot, const Model& model, Part& part);
    facedge_code wait_for_gpu(Slot& slot, const Model& model, Part& part);
    void copy_faces(Slot& slot);
    void crop_faces(const Slot& slot, const FrameView& view, const Model& model, const Part& part);

    const Pipeline& pipeline_;
    std::unique_ptr<void, void (*)(void*)> scratch_;
};

}  // namespace facedge
