#include "play.hpp"

#include "npy.hpp"

#include <algorithm>
#include <memory>
#include <optional>

namespace conformance {
namespace {

struct CloseModel {
    void operator()(facedge_model* model) const { facedge_model_close(&model); }
};
struct CloseStream {
    void operator()(facedge_stream* stream) const { facedge_stream_close(&stream); }
};
using Model = std::unique_ptr<facedge_model, CloseModel>;
using Stream = std::unique_ptr<facedge_stream, CloseStream>;

void check(int code) {
    if (code != FACEDGE_OK)
        throw std::runtime_error(std::string(facedge_strerror(code)) + ": " + facedge_last_error());
}

const char* or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

Model open_model(const std::string& bundle, const Setup& setup) {
    if (bundle.empty()) return nullptr;
    facedge_model_settings settings;
    facedge_model_settings_default(&settings);
    settings.backend = or_null(setup.backend);
    settings.library = or_null(setup.library);
    settings.plugin_dir = or_null(setup.plugin_dir);
    settings.threads = setup.threads;
    facedge_model* model = nullptr;
    check(facedge_model_open(&model, bundle.c_str(), &settings));
    return Model(model);
}

// Expected values of one tensor, if the case has them.
template <class Element>
class Expected {
public:
    Expected(const Case& played, const char* name, Array<Element> (*read)(const std::string&))
        : name_(name) {
        if (exists(played.file(name))) array_ = read(played.file(name));
    }

    // The expected row, after its size was compared with what the result has.
    const Element* row(size_t index, size_t elements) const {
        if (!array_) return nullptr;
        if (array_->row() != elements || (index + 1) * elements > array_->values.size())
            throw std::runtime_error(name_ + ".npy is not of the result's size");
        return array_->values.data() + index * elements;
    }
    std::string at(size_t index) const { return name_ + " of face " + std::to_string(index); }

private:
    std::string name_;
    std::optional<Array<Element>> array_;
};

class Comparer {
public:
    Comparer(const Case& played, const facedge_model_info& first, Comparison& comparison)
        : crop_bytes_(size_t(first.input_width) * size_t(first.input_height) * 3),
          crop_(played, "crop", read_bytes), restored_(played, "restored", read_bytes),
          fresh_(played, "fresh", read_bytes), probabilities_(played, "probabilities", read_floats),
          landmarks_(played, "landmarks", read_floats),
          to_frame_(played, "restored_to_frame", read_floats), comparison_(comparison) {}

    void face(const facedge_face& face, size_t row) {
        const auto fresh = static_cast<uint8_t>(face.fresh);
        bytes(crop_, row, face.crop, crop_bytes_);
        pack(face);
        bytes(restored_, row, face.restored ? packed_.data() : nullptr, packed_.size());
        bytes(fresh_, row, &fresh, 1);
        floats(probabilities_, row, face.probabilities, FACEDGE_ACTION_UNITS);
        const float* points = face.landmarks ? face.landmarks[0] : nullptr;
        floats(landmarks_, row, points, 2 * FACEDGE_LANDMARKS);
        floats(to_frame_, row, face.restored_to_frame[0], 6);
    }

private:
    // The restored picture with rows that touch.
    void pack(const facedge_face& face) {
        const size_t row = size_t(face.width) * 3;
        packed_.resize(row * size_t(face.height));
        for (int32_t y = 0; y < face.height; ++y)
            std::copy_n(face.restored + y * face.stride, row, packed_.data() + size_t(y) * row);
    }
    void bytes(const Expected<uint8_t>& expected, size_t row, const uint8_t* found, size_t count) {
        const uint8_t* wanted = expected.row(row, count);
        if (wanted && !found) throw std::runtime_error(expected.at(row) + " is NULL");
        if (wanted) comparison_.bytes(expected.at(row), found, wanted, count);
    }
    void floats(const Expected<float>& expected, size_t row, const float* found, size_t count) {
        const float* wanted = expected.row(row, count);
        if (wanted && !found) throw std::runtime_error(expected.at(row) + " is NULL");
        if (wanted) comparison_.floats(expected.at(row), found, wanted, count);
    }

    size_t crop_bytes_;
    Expected<uint8_t> crop_, restored_, fresh_;
    Expected<float> probabilities_, landmarks_, to_frame_;
    Comparison& comparison_;
    std::vector<uint8_t> packed_;
};

// Points the planes of a raw frame, rows touching, at its bytes.
facedge_frame place(facedge_frame frame, const uint8_t* pixels) {
    const bool planar = frame.format == FACEDGE_FORMAT_NV12 || frame.format == FACEDGE_FORMAT_NV21;
    const int bytes = planar || frame.format == FACEDGE_FORMAT_GRAY8 ? 1
                      : frame.format == FACEDGE_FORMAT_YUYV          ? 2
                                                                     : 3;
    frame.planes[0].data = pixels;
    frame.planes[0].stride = ptrdiff_t(frame.width) * bytes;
    if (planar) {
        frame.planes[1].data = pixels + ptrdiff_t(frame.width) * frame.height;
        frame.planes[1].stride = (ptrdiff_t(frame.width) + 1) / 2 * 2;
    }
    return frame;
}

void submit(facedge_stream* stream, const Case& played, const Frame& frame,
            const facedge_model_info& first, const Array<uint8_t>& pixels, size_t index,
            size_t row) {
    if (played.picture) {
        facedge_frame picture = place(*played.picture, pixels.values.data() + index * pixels.row());
        picture.timestamp_us = frame.timestamp_us;
        check(facedge_submit(stream, &picture, frame.faces.data(), frame.faces.size()));
        return;
    }
    if (row + frame.faces.size() > size_t(pixels.shape[0]))
        throw std::runtime_error("images.npy has fewer faces than case.txt");
    std::vector<uint64_t> tracks;
    for (const facedge_roi& face : frame.faces) tracks.push_back(face.track);
    facedge_faces faces;
    facedge_faces_default(&faces);
    faces.pixels = pixels.values.data() + row * pixels.row();
    faces.count = tracks.size();
    faces.tracks = tracks.data();
    faces.width = first.input_width, faces.height = first.input_height;
    faces.timestamp_us = frame.timestamp_us;
    check(facedge_submit_faces(stream, &faces));
}

}  // namespace

void play(const Case& played, const Setup& setup, Comparison& comparison) {
    const Model sr = open_model(played.sr, setup), au = open_model(played.au, setup);
    facedge_model_info first = {};
    first.struct_size = sizeof first;
    check(facedge_model_describe(sr ? sr.get() : au.get(), &first));
    facedge_stream_settings settings = played.settings;
    settings.sr = sr.get(), settings.au = au.get();
    facedge_stream* opened = nullptr;
    check(facedge_stream_open(&opened, &settings));
    const Stream stream(opened);

    const Array<uint8_t> pixels = read_bytes(played.file(played.picture ? "frames" : "images"));
    Comparer comparer(played, first, comparison);
    size_t row = 0;
    for (size_t i = 0; i < played.frames.size(); ++i) {
        const Frame& frame = played.frames[i];
        for (uint64_t track : frame.resets) check(facedge_stream_reset(opened, track));
        submit(opened, played, frame, first, pixels, i, row);
        facedge_result result = {};
        result.struct_size = sizeof result;
        check(facedge_poll(opened, &result));
        if (result.status != FACEDGE_OK) throw std::runtime_error(result.message);
        if (result.n_faces != frame.faces.size() || result.timestamp_us != frame.timestamp_us)
            throw std::runtime_error("frame " + std::to_string(i) + " came back as another");
        for (size_t k = 0; k < result.n_faces; ++k) {
            if (result.faces[k].track != frame.faces[k].track)
                throw std::runtime_error("the faces of frame " + std::to_string(i) +
                                         " came back in another order");
            comparer.face(result.faces[k], row++);
        }
    }
    const Expected<float> states(played, "state", read_floats);
    std::vector<float> state(first.state_floats);
    for (size_t i = 0; i < played.states.size(); ++i) {
        check(facedge_stream_get_state(opened, played.states[i], state.data(), state.size()));
        const float* wanted = states.row(i, state.size());
        if (!wanted) throw std::runtime_error("there is no state.npy");
        comparison.floats(states.at(i), state.data(), wanted, state.size());
    }
}

}  // namespace conformance
