// A camera's view of facedge in C++17: one object that owns model and stream, gives buffers back and
// calls a function for every face.
//
//     CameraSettings settings;
//     settings.sr_bundle = "bundles/fsr-student-int8";
//     Camera camera(settings, [](const facedge_face& face, const facedge_result&) { draw(face); });
//     if (!camera.submit(frame, faces)) ...  // full: the frame is still the caller's
//     camera.deliver();                      // calls back for what is finished
#pragma once

#include <facedge/facedge.h>

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace example {

// What the library refused, with its own sentence.
class Error : public std::runtime_error {
public:
    Error(int code, const std::string& sentence) : std::runtime_error(sentence), code_(code) {}
    int code() const { return code_; }  // facedge_code

private:
    int code_;
};

struct CameraSettings {
    std::string sr_bundle;  // empty: no super-resolution
    std::string au_bundle;  // empty: no action units
    std::string backend;    // empty: the library chooses
    int max_faces = 4;
    int depth = 2;
};

// Belongs to one thread at a time; can be moved, not copied.
class Camera {
public:
    using OnFace = std::function<void(const facedge_face&, const facedge_result&)>;
    using OnFailure = std::function<void(const Error&)>;

    // Slow: loads and compiles. Throws Error.
    Camera(const CameraSettings& settings, OnFace on_face, OnFailure on_failure = {});

    // Hands a frame over. False: as many frames as settings.depth are under way; deliver() first,
    // or drop the frame, which is still the caller's. Throws Error, the frame likewise unaccepted.
    bool submit(const facedge_frame& frame, const std::vector<facedge_roi>& faces);

    // Calls back for every face of every finished frame, from this thread; returns how many frames
    // that were. Throws what the callbacks throw.
    int deliver();

    // Waits for the next result; false when there was none in that time or nothing is under way.
    bool wait(std::chrono::milliseconds time);

    int fd() const { return facedge_stream_fd(stream_.get()); }  // for poll and epoll
    facedge_stats stats() const;

private:
    struct CloseModel {
        void operator()(facedge_model* model) const { facedge_model_close(&model); }
    };
    struct CloseStream {
        void operator()(facedge_stream* stream) const { facedge_stream_close(&stream); }
    };
    using Model = std::unique_ptr<facedge_model, CloseModel>;

    static Model open(const std::string& bundle, const std::string& backend);

    std::unique_ptr<facedge_stream, CloseStream> stream_;
    OnFace on_face_;
    OnFailure on_failure_;
};

}  // namespace example
