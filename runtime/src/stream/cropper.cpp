#include "stream/cropper.hpp"

#include "stream/failure.hpp"
#include "stream/mapping.hpp"
#include "stream/rows.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

namespace facedge {
namespace {

constexpr size_t kScratchAlignment = 64;  // what crop() asks for

std::unique_ptr<void, void (*)(void*)> allocate_scratch(const Pipeline& pipeline) {
    size_t bytes = 0;
    for (const Model* model : {pipeline.sr.get(), pipeline.au.get()}) {
        if (!model) continue;
        const Network& network = model->network();
        bytes = std::max(bytes, crop_scratch_bytes(network.width, network.height));
    }
    bytes = (bytes / kScratchAlignment + 1) * kScratchAlignment;
    void* memory = std::aligned_alloc(kScratchAlignment, bytes);
    if (!memory) throw std::bad_alloc();
    return {memory, std::free};
}

facedge_filter filter_for(const Model& model) {
    return filter_of(model.task() == FACEDGE_TASK_SR ? Framing::kFace : Framing::kUnits);
}

FrameView view_of(const facedge_frame& frame, const uint8_t* first, const uint8_t* second) {
    FrameView view = {};
    view.format = static_cast<facedge_format>(frame.format);
    view.matrix = static_cast<facedge_matrix>(frame.matrix);
    view.range = static_cast<facedge_range>(frame.range);
    view.width = frame.width;
    view.height = frame.height;
    view.planes[0] = first;
    view.planes[1] = second;
    view.stride[0] = frame.planes[0].stride;
    view.stride[1] = frame.planes[1].stride;
    return view;
}

FrameView view_of_restored(const Network& network, const uint8_t* pixels) {
    FrameView view = {};
    view.format = FACEDGE_FORMAT_RGB24;
    view.matrix = FACEDGE_MATRIX_IDENTITY;
    view.range = FACEDGE_RANGE_FULL;
    view.width = network.output_width;
    view.height = network.output_height;
    view.planes[0] = pixels;
    view.stride[0] = ptrdiff_t{3} * network.output_width;
    return view;
}

}  // namespace

Cropper::Cropper(const Pipeline& pipeline)
    : pipeline_(pipeline), scratch_(allocate_scratch(pipeline)) {}

facedge_code Cropper::read(Slot& slot) {
    if (slot.source == Slot::Source::kFaces) {
        copy_faces(slot);
    } else if (slot.on_gpu()) {
        facedge_code code = FACEDGE_OK;
        if (pipeline_.sr) code = start_on_gpu(slot, *pipeline_.sr, slot.sr);
        if (code == FACEDGE_OK && pipeline_.au_reads_frame())
            code = start_on_gpu(slot, *pipeline_.au, slot.au);
        return code;
    } else if (facedge_code code = read_host_frame(slot)) {
        return code;
    }
    return finish(slot);
}

facedge_code Cropper::finish(Slot& slot) {
    facedge_code code = FACEDGE_OK;
    if (slot.sr.reading) code = wait_for_gpu(slot, *pipeline_.sr, slot.sr);
    if (slot.au.reading) {
        const facedge_code second = wait_for_gpu(slot, *pipeline_.au, slot.au);
        if (code == FACEDGE_OK) code = second;
    }
    if (slot.release) {
        slot.release(slot.user);
        slot.release = nullptr;
    }
    return code;
}

void Cropper::take_back(Slot& slot) {
    for (Part* part : {&slot.sr, &slot.au}) {
        if (!part->cropped) continue;
        part->cropped = false;
        facedge_crop_job none = {};
        none.size = sizeof none;
        facedge_error error;
        part->lane->table().crop(part->lane->get(), &none, &error);  // the frame has failed anyway
    }
}

facedge_code Cropper::read_host_frame(Slot& slot) {
    const facedge_frame& frame = slot.picture;
    MappedFrame mapped;
    const bool is_dmabuf = frame.memory == FACEDGE_MEMORY_DMABUF;
    if (is_dmabuf) {
        Refusal why;
        if (facedge_code code = mapped.map(frame, why))
            return fail_slot(slot, code, "%s", why.text);
    }
    const FrameView view = is_dmabuf ? view_of(frame, mapped.plane(0), mapped.plane(1))
                                     : view_of(frame, frame.planes[0].data, frame.planes[1].data);
    if (pipeline_.sr) crop_faces(slot, view, *pipeline_.sr, slot.sr);
    if (pipeline_.au_reads_frame()) crop_faces(slot, view, *pipeline_.au, slot.au);
    return FACEDGE_OK;
}

void Cropper::crop_faces(const Slot& slot, const FrameView& view, const Model& model,
                         const Part& part) {
    const Network& network = model.network();
    uint8_t* rows = input_rows<uint8_t>(*part.lane, network.images);
    for (size_t i = 0; i < slot.count; ++i) {
        crop(view, part.to_frame[i], filter_for(model), network.width, network.height,
             rows + i * network.input_bytes(), scratch_.get());
    }
    fill_up(pipeline_, slot, rows, network.input_bytes());
}

void Cropper::crop_restored(Slot& slot) {
    const Network& sr = pipeline_.sr->network();
    const Network& au = pipeline_.au->network();
    const uint8_t* restored = output_rows<uint8_t>(*slot.sr.lane, sr.restored);
    uint8_t* rows = input_rows<uint8_t>(*slot.au.lane, au.images);
    for (size_t i = 0; i < slot.count; ++i) {
        const FrameView view = view_of_restored(sr, restored + i * sr.output_bytes());
        crop(view, pipeline_.au_to_restored, filter_for(*pipeline_.au), au.width, au.height,
             rows + i * au.input_bytes(), scratch_.get());
    }
    fill_up(pipeline_, slot, rows, au.input_bytes());
}

void Cropper::copy_faces(Slot& slot) {
    const Network& network = pipeline_.first().network();
    const facedge_faces& faces = slot.cropped;
    uint8_t* rows = input_rows<uint8_t>(*slot.first().lane, network.images);
    const size_t row_bytes = size_t{3} * network.width;
    for (size_t i = 0; i < slot.count; ++i) {
        const uint8_t* from = faces.pixels + static_cast<ptrdiff_t>(i) * faces.face_stride;
        uint8_t* to = rows + i * network.input_bytes();
        for (int32_t y = 0; y < network.height; ++y, from += faces.row_stride, to += row_bytes)
            std::memcpy(to, from, row_bytes);
    }
    fill_up(pipeline_, slot, rows, network.input_bytes());
}

facedge_code Cropper::start_on_gpu(Slot& slot, const Model& model, Part& part) {
    // The rows that fill up the batch are made like all others, by repeating the last face.
    const auto begin = part.to_frame.begin() + static_cast<ptrdiff_t>(slot.count);
    const size_t batch = batch_size(pipeline_, slot);
    std::fill(begin, part.to_frame.begin() + static_cast<ptrdiff_t>(batch), begin[-1]);
    facedge_crop_job job = {};
    job.size = sizeof job;
    job.count = static_cast<int32_t>(batch);
    job.frame = &slot.picture;
    job.to_frame = &part.to_frame[0].m;  // a Similarity is its six numbers
    job.width = model.network().width;
    job.height = model.network().height;
    job.filter = filter_for(model);
    facedge_error error;
    error.text[0] = '\0';
    if (int code = part.lane->table().crop(part.lane->get(), &job, &error))
        return fail_slot(slot, model, code, error);
    part.reading = part.cropped = true;
    return FACEDGE_OK;
}

facedge_code Cropper::wait_for_gpu(Slot& slot, const Model& model, Part& part) {
    part.reading = false;
    facedge_error error;
    error.text[0] = '\0';
    const int code = part.lane->table().crop_wait(part.lane->get(), &error);
    return code ? fail_slot(slot, model, code, error) : FACEDGE_OK;
}

}  // namespace facedge
