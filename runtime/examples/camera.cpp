#include "camera.hpp"

#include <utility>

namespace example {
namespace {

void check(int code) {
    if (code != FACEDGE_OK) throw Error(code, facedge_last_error());
}

}  // namespace

Camera::Model Camera::open(const std::string& bundle, const std::string& backend) {
    if (bundle.empty()) return nullptr;
    facedge_model_settings settings;
    facedge_model_settings_default(&settings);
    if (!backend.empty()) settings.backend = backend.c_str();
    facedge_model* model = nullptr;
    check(facedge_model_open(&model, bundle.c_str(), &settings));
    return Model(model);
}

Camera::Camera(const CameraSettings& settings, OnFace on_face, OnFailure on_failure)
    : on_face_(std::move(on_face)), on_failure_(std::move(on_failure)) {
    // The stream keeps what it plays, so both models may go at the end of this function.
    const Model sr = open(settings.sr_bundle, settings.backend);
    const Model au = open(settings.au_bundle, settings.backend);
    facedge_stream_settings stream_settings;
    facedge_stream_settings_default(&stream_settings);
    stream_settings.sr = sr.get();
    stream_settings.au = au.get();
    stream_settings.max_faces = settings.max_faces;
    stream_settings.depth = settings.depth;
    facedge_stream* stream = nullptr;
    check(facedge_stream_open(&stream, &stream_settings));
    stream_.reset(stream);
}

bool Camera::submit(const facedge_frame& frame, const std::vector<facedge_roi>& faces) {
    const int code = facedge_submit(stream_.get(), &frame, faces.data(), faces.size());
    if (code == FACEDGE_EAGAIN) return false;
    check(code);
    return true;
}

int Camera::deliver() {
    facedge_result result = {};
    result.struct_size = sizeof result;
    int frames = 0;
    for (;;) {
        const int code = facedge_poll(stream_.get(), &result);
        if (code == FACEDGE_EAGAIN) return frames;
        check(code);
        ++frames;
        if (result.status != FACEDGE_OK && on_failure_)
            on_failure_(Error(result.status, result.message));
        for (size_t i = 0; i < result.n_faces; ++i) on_face_(result.faces[i], result);
    }
}

bool Camera::wait(std::chrono::milliseconds time) {
    const int code = facedge_wait(stream_.get(), static_cast<int>(time.count()));
    if (code == FACEDGE_EAGAIN) return false;
    check(code);
    return true;
}

facedge_stats Camera::stats() const {
    facedge_stats stats = {};
    stats.struct_size = sizeof stats;
    check(facedge_stream_stats(stream_.get(), &stats));
    return stats;
}

}  // namespace example
