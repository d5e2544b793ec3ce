#include "stream/pipeline.hpp"

#include "stream/geometry.hpp"

#include <string>

namespace facedge {
namespace {

constexpr int32_t kMostFaces = 256, kMostDepth = 16, kMostTracks = 4096;

Status check_range(const char* name, int64_t value, int64_t least, int64_t most) {
    if (value >= least && value <= most) return {};
    return {FACEDGE_EINVAL, "settings." + std::string(name) + " is " + std::to_string(value) +
                                ", expected " + std::to_string(least) + " to " +
                                std::to_string(most)};
}

Status check_values(const facedge_stream_settings& settings) {
    const Status checks[] = {
        check_range("mode", settings.mode, FACEDGE_MODE_WORKER, FACEDGE_MODE_INLINE),
        check_range("au_source", settings.au_source, FACEDGE_AU_FROM_FRAME,
                    FACEDGE_AU_FROM_RESTORED),
        check_range("batching", settings.batching, FACEDGE_BATCH_POWERS, FACEDGE_BATCH_EVERY),
        check_range("max_faces", settings.max_faces, 1, kMostFaces),
        check_range("depth", settings.depth, settings.mode == FACEDGE_MODE_INLINE ? 0 : 1,
                    kMostDepth),
        check_range("max_tracks", settings.max_tracks, 1, kMostTracks),
        check_range("max_missed", settings.max_missed, 0, INT32_MAX),
        check_range("max_gap_us", settings.max_gap_us, 0, INT64_MAX),
    };
    for (const Status& status : checks) {
        if (!status) return status;
    }
    return {};
}

Status check_model(const Model& model, const char* member, facedge_task task, int32_t max_faces) {
    const std::string& name = model.manifest().name;
    if (model.task() != task) {
        return {FACEDGE_EINVAL, "settings." + std::string(member) + " is " + name +
                                    ", a bundle for " + model.manifest().task +
                                    "; give it as the other member"};
    }
    const int32_t most = model.artifact().max_batch;
    if (most > 0 && max_faces > most) {
        return {FACEDGE_EINVAL, "settings.max_faces is " + std::to_string(max_faces) + " and " +
                                    model.artifact().path + " of " + name + " takes at most " +
                                    std::to_string(most) +
                                    "; lower it, or build with a larger --max-batch"};
    }
    return {};
}

// 1, 2, 4, ... and the largest, or every count.
std::vector<int32_t> batch_sizes(int32_t max_faces, bool every) {
    std::vector<int32_t> sizes;
    for (int32_t size = 1; size < max_faces; size = every ? size + 1 : size * 2)
        sizes.push_back(size);
    sizes.push_back(max_faces);
    return sizes;
}

std::vector<int32_t> smallest_that_holds(const std::vector<int32_t>& batches) {
    std::vector<int32_t> indices;
    int32_t index = 0;
    for (int32_t count = 0; count <= batches.back(); ++count) {
        if (count > batches[static_cast<size_t>(index)]) ++index;
        indices.push_back(index);
    }
    return indices;
}

}  // namespace

Status make_pipeline(const facedge_stream_settings& settings, Pipeline& out) {
    if (Status status = check_values(settings); !status) return status;
    if (!settings.sr && !settings.au) {
        return {FACEDGE_EINVAL,
                "settings.sr and settings.au are both NULL; a stream plays at least "
                "one model"};
    }
    if (settings.sr) out.sr = settings.sr->model;
    if (settings.au) out.au = settings.au->model;
    if (out.sr) {
        Status status = check_model(*out.sr, "sr", FACEDGE_TASK_SR, settings.max_faces);
        if (!status) return status;
    }
    if (out.au) {
        Status status = check_model(*out.au, "au", FACEDGE_TASK_AU, settings.max_faces);
        if (!status) return status;
    }
    out.au_from_restored = out.au && settings.au_source == FACEDGE_AU_FROM_RESTORED;
    if (out.au_from_restored && !out.sr) {
        return {FACEDGE_EINVAL, "settings.au_source is FACEDGE_AU_FROM_RESTORED and settings.sr is "
                                "NULL; give a super-resolution model or read from the frame"};
    }
    if (out.state_floats() > 0 && settings.max_tracks < settings.max_faces) {
        return {FACEDGE_EINVAL, "settings.max_tracks is " + std::to_string(settings.max_tracks) +
                                    ", expected at least max_faces, which is " +
                                    std::to_string(settings.max_faces) +
                                    ": every face of a frame needs a hidden state"};
    }
    out.batches = batch_sizes(settings.max_faces, settings.batching == FACEDGE_BATCH_EVERY);
    out.batch_of_count = smallest_that_holds(out.batches);
    if (out.sr) {
        const Network& sr = out.sr->network();
        out.restored_to_crop =
            shrink(static_cast<float>(sr.output_width) / static_cast<float>(sr.width));
        if (out.au_from_restored) {
            const Network& au = out.au->network();
            out.au_to_restored = between(Framing::kFace, sr.output_width, sr.output_height,
                                         Framing::kUnits, au.width, au.height);
        }
    }
    return {};
}

}  // namespace facedge
