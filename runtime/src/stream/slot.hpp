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

struct Slot {
    // Where the faces' pixels come from.
    enum class Source { kFrame, kFaces };

    explicit Slot(int32_t max_faces)
        : tracks(static_cast<size_t>(max_faces)), uses(tracks.size()), sr_to_frame(tracks.size()),
          au_to_frame(tracks.size()), faces(tracks.size()), landmarks(tracks.size()) {}

    Lane* sr = nullptr;  // of this slot; null without such a model
    Lane* au = nullptr;

    // What was submitted.
    uint64_t frame = 0;  // its number
    Clock::time_point accepted;
    Source source = Source::kFrame;
    facedge_frame picture = {};  // of kFrame
    facedge_faces cropped = {};  // of kFaces
    int64_t timestamp_us = 0;
    facedge_release_callback release = nullptr;  // null once it was called
    void* user = nullptr;
    size_t count = 0;  // faces: so many of each vector's elements are in use
    std::vector<uint64_t> tracks;
    std::vector<TrackUse> uses;
    std::vector<Similarity> sr_to_frame, au_to_frame;  // a model's crop -> frame
    bool sr_cropping = false, au_cropping = false;     // on the GPU, not known to be done

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
