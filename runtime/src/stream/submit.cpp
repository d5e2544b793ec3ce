// What a stream does with a frame before it accepts it: every check, and where the crops lie.
#include "stream/geometry.hpp"
#include "stream/mapping.hpp"
#include "stream/stream.hpp"

#include <algorithm>

namespace facedge {

int Stream::submit(const facedge_frame& frame, const facedge_roi* rois, size_t n_rois) {
    if (int code = refuse_when_full()) return code;
    if (int code = check_count(n_rois)) return code;
    Refusal why;
    if (facedge_code code = check_frame(frame, why)) return fail(code, "%s", why.text);
    if (int code = check_memory(frame)) return code;

    Slot& slot = slot_of(handoff_.accepted());
    slot.count = n_rois;
    for (size_t i = 0; i < n_rois; ++i) slot.tracks[i] = rois[i].track;
    if (int code = check_tracks(slot)) return code;
    if (int code = align_faces(frame, rois, slot)) return code;
    slot.source = Slot::Source::kFrame;
    slot.picture = frame;
    slot.timestamp_us = frame.timestamp_us;
    slot.release = frame.release;
    slot.user = frame.user;
    accept(slot);
    return FACEDGE_OK;
}

int Stream::submit_faces(const facedge_faces& faces) {
    if (int code = refuse_when_full()) return code;
    if (int code = check_count(faces.count)) return code;
    if (int code = check_faces(faces)) return code;

    Slot& slot = slot_of(handoff_.accepted());
    slot.count = faces.count;
    for (size_t i = 0; i < faces.count; ++i) slot.tracks[i] = faces.tracks ? faces.tracks[i] : i;
    if (int code = check_tracks(slot)) return code;
    std::fill_n(slot.sr.to_frame.begin(), faces.count, kIdentity);
    std::fill_n(slot.au.to_frame.begin(), faces.count, kIdentity);
    slot.source = Slot::Source::kFaces;
    slot.cropped = faces;
    if (faces.row_stride == 0) slot.cropped.row_stride = ptrdiff_t{3} * faces.width;
    if (faces.face_stride == 0) slot.cropped.face_stride = slot.cropped.row_stride * faces.height;
    slot.timestamp_us = faces.timestamp_us;
    slot.release = faces.release;
    slot.user = faces.user;
    accept(slot);
    return FACEDGE_OK;
}

// From here on the frame has a number and a result, whatever happens.
void Stream::accept(Slot& slot) {
    slot.frame = handoff_.accepted();
    if (pipeline_.state_floats() > 0) {
        tracks_.assign(slot.tracks.data(), slot.count, slot.frame, slot.timestamp_us,
                       slot.uses.data());
    }
    slot.accepted = Clock::now();
    statistics_.count_accepted();
    handoff_.accept();
    if (inline_) play(slot);
}

int Stream::refuse_when_full() {
    if (!handoff_.full()) return FACEDGE_OK;
    statistics_.count_refused();
    return FACEDGE_EAGAIN;
}

int Stream::check_count(size_t count) const {
    const size_t most = pipeline_.batch_of_count.size() - 1;
    if (count <= most) return FACEDGE_OK;
    return fail(FACEDGE_ETOOMANY,
                "there are %zu faces and settings.max_faces is %zu; raise it, or "
                "submit the most important faces",
                count, most);
}

int Stream::check_tracks(const Slot& slot) const {
    for (size_t i = 1; i < slot.count; ++i) {
        for (size_t k = 0; k < i; ++k) {
            if (slot.tracks[i] != slot.tracks[k]) continue;
            return fail(FACEDGE_EROI,
                        "faces %zu and %zu both have track %llu; in one frame every "
                        "face has a track of its own",
                        k, i, static_cast<unsigned long long>(slot.tracks[i]));
        }
    }
    return FACEDGE_OK;
}

int Stream::check_memory(const facedge_frame& frame) const {
    if (frame.memory == FACEDGE_MEMORY_CUDA && !takes_cuda_) {
        return fail(FACEDGE_EFRAME,
                    "frame.memory is FACEDGE_MEMORY_CUDA and back end %s reads host "
                    "memory; copy the frame to the host, or play a plan with "
                    "tensorrt",
                    pipeline_.first().artifact().backend.c_str());
    }
    Refusal why;
    if (frame.memory == FACEDGE_MEMORY_DMABUF) {
        if (facedge_code code = check_buffers(frame, why)) return fail(code, "%s", why.text);
    }
    return FACEDGE_OK;
}

int Stream::align_faces(const facedge_frame& frame, const facedge_roi* rois, Slot& slot) const {
    const auto place = [&](size_t i, const Model& model, Framing framing, Similarity& to_frame) {
        const Network& network = model.network();
        Refusal why;
        const facedge_code code = align(rois[i], framing, network.width, network.height,
                                        frame.width, frame.height, i, to_frame, why);
        return code ? fail(code, "%s", why.text) : FACEDGE_OK;
    };
    for (size_t i = 0; i < slot.count; ++i) {
        if (rois[i].reserved != 0) {
            return fail(FACEDGE_EINVAL,
                        "rois[%zu].reserved is %d, expected 0: zero the structure "
                        "before you fill it",
                        i, rois[i].reserved);
        }
        if (pipeline_.sr) {
            if (int code = place(i, *pipeline_.sr, Framing::kFace, slot.sr.to_frame[i]))
                return code;
        }
        if (pipeline_.au_reads_frame()) {
            if (int code = place(i, *pipeline_.au, Framing::kUnits, slot.au.to_frame[i]))
                return code;
        }
    }
    return FACEDGE_OK;
}

int Stream::check_faces(const facedge_faces& faces) const {
    if (pipeline_.sr && pipeline_.au_reads_frame()) {
        return fail(FACEDGE_EINVAL, "cropped faces were given to a stream whose action units are "
                                    "read from the frame; set settings.au_source to "
                                    "FACEDGE_AU_FROM_RESTORED, or use facedge_submit");
    }
    const Network& network = pipeline_.first().network();
    if (faces.count == 0) return FACEDGE_OK;
    if (!faces.pixels) {
        return fail(FACEDGE_EINVAL,
                    "faces.pixels is NULL and faces.count is %zu; pass RGB24 pixels", faces.count);
    }
    if (faces.width != network.width || faces.height != network.height) {
        return fail(FACEDGE_EFRAME,
                    "the faces are %dx%d pixels and %s takes %dx%d; resize them, or "
                    "use facedge_submit, which crops",
                    faces.width, faces.height, pipeline_.first().manifest().name.c_str(),
                    network.width, network.height);
    }
    const ptrdiff_t row = ptrdiff_t{3} * network.width;
    if (faces.row_stride != 0 && faces.row_stride < row) {
        return fail(FACEDGE_EFRAME,
                    "faces.row_stride is %td, expected 0 or at least the %td bytes "
                    "of a row",
                    faces.row_stride, row);
    }
    const ptrdiff_t row_stride = faces.row_stride ? faces.row_stride : row;
    ptrdiff_t face = 0, all = 0;
    bool huge = __builtin_mul_overflow(row_stride, ptrdiff_t{network.height}, &face);
    const ptrdiff_t face_stride = faces.face_stride ? faces.face_stride : face;
    huge |= __builtin_mul_overflow(face_stride, static_cast<ptrdiff_t>(faces.count), &all);
    huge |= __builtin_add_overflow(all, face, &all);
    if (huge || face_stride < 0) {
        return fail(FACEDGE_EFRAME,
                    "faces.row_stride %td and faces.face_stride %td cannot be those "
                    "of %zu faces of %dx%d pixels",
                    faces.row_stride, faces.face_stride, faces.count, faces.width, faces.height);
    }
    return FACEDGE_OK;
}

}  // namespace facedge
