// One frame under way: what was submitted, the lanes it is played on, and its result. Everything is
// allocated when the stream is opened; a slot is used by one thread at a time.
#pragma once

#include "image/image.hpp"
#include "plugins/plugin.hpp"
#include "stream/statistics.hpp"
#include "stream/tracks.hpp"

#include <facedge/facedge.h>

#include <chrono>
#include <vector>

namespace facedge {

using Clock = std::chrono::steady_clock;

struct Landmarks {
    float points[FACEDGE_LANDMARKS][2];
};

// What one model needs to play a slot.
struct Part {
    Lane* lane = nullptr;              // null without such a model
    std::vector<Similarity> to_frame;  // crop -> frame, of every face
    bool reading = false;              // crops on the GPU may still be reading the frame
    bool cropped = false;              // crops on the GPU wait for the enqueue that takes them

    explicit operator bool() const { return lane != nullptr; }
};

struct Slot {
    // Where the faces' pixels come from.
    enum class Source { kFrame, kFaces };

    explicit Slot(int32_t max_faces)
        : tracks(static_cast<size_t>(max_faces)), uses(tracks.size()), faces(tracks.size()),
          landmarks(tracks.size()) {
        sr.to_frame.resize(tracks.size());
        au.to_frame.resize(tracks.size());
    }

    Part sr, au;
    Part& first() { return sr ? sr : au; }
    const Part& first() const { return sr ? sr : au; }

    // What was submitted.
    uint64_t frame = 0;  // its number
    Clock::time_point accepted;
    Source source = Source::kFrame;
    facedge_frame picture = {};  // of kFrame
    facedge_faces cropped = {};  // of kFaces
    int64_t timestamp_us = 0;
    facedge_release_callback release = nullptr;  // null once it was called
    void* user = nullptr;
    size_t count = 0;  // faces; so many elements of every vector are in use
    std::vector<uint64_t> tracks;
    std::vector<TrackUse> uses;

    // The result.
    facedge_code status = FACEDGE_OK;
    char message[1024] = "";
    StageTimes times;
    std::vector<facedge_face> faces;
    std::vector<Landmarks> landmarks;

    bool on_gpu() const {
        return source == Source::kFrame && picture.memory == FACEDGE_MEMORY_CUDA;
    }
};

}  // namespace facedge
