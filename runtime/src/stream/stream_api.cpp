// The part of facedge.h about streams, and facedge_cuda.h.
#include "log.hpp"
#include "stream/interface.hpp"
#include "stream/stream.hpp"

#include <facedge/facedge_cuda.h>

using namespace facedge;

namespace {

// The right to be inside a stream: one thread at a time.
class Turn {
public:
    explicit Turn(facedge_stream& stream) : stream_(stream) {
        std::thread::id nobody;
        mine_ = !stream.on_worker() &&
                stream.owner.compare_exchange_strong(nobody, std::this_thread::get_id(),
                                                     std::memory_order_acquire);
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
        if (mine_) stream_.owner.store(std::thread::id(), std::memory_order_release);
    }
    explicit operator bool() const { return mine_; }

private:
    facedge_stream& stream_;
    bool mine_;
};

int refuse_second_thread(const char* function) {
    return fail(FACEDGE_EBUSY,
                "%s was called while a call into the same stream is under way; a "
                "stream belongs to one thread at a time, and release must not call "
                "into it",
                function);
}

}  // namespace

extern "C" {

void facedge_frame_default(facedge_frame* frame) {
    if (!frame) return;
    *frame = {};
    frame->struct_size = sizeof *frame;
    frame->memory = FACEDGE_MEMORY_HOST;
}

void facedge_faces_default(facedge_faces* faces) {
    if (!faces) return;
    *faces = {};
    faces->struct_size = sizeof *faces;
}

void facedge_stream_settings_default(facedge_stream_settings* settings) {
    if (!settings) return;
    *settings = {};
    settings->struct_size = sizeof *settings;
    settings->mode = FACEDGE_MODE_WORKER;
    settings->au_source = FACEDGE_AU_FROM_FRAME;
    settings->batching = FACEDGE_BATCH_POWERS;
    settings->max_faces = 4;
    settings->depth = 2;
    settings->max_tracks = 16;
    settings->max_missed = 5;
    settings->max_gap_us = 500000;
}

int facedge_stream_open(facedge_stream** out, const facedge_stream_settings* settings) {
    if (!out) return refuse_null("facedge_stream_open", "out");
    *out = nullptr;
    if (!settings) return refuse_null("facedge_stream_open", "settings");
    if (int code = check_struct_size(*settings, "facedge_stream_settings")) return code;
    return guarded("facedge_stream_open", [&]() -> Status {
        std::unique_ptr<facedge_stream> stream;
        if (Status status = Stream::open(*settings, stream); !status) return status;
        *out = stream.release();
        return {};
    });
}

void facedge_stream_close(facedge_stream** stream) {
    if (!stream || !*stream) return;
    facedge_stream& closing = **stream;
    const std::thread::id me = std::this_thread::get_id();
    if (closing.on_worker() || closing.owner.load(std::memory_order_acquire) == me) {
        fail(FACEDGE_EBUSY, "facedge_stream_close was called from a release callback of the stream "
                            "and did nothing; close it outside");
        log(FACEDGE_LOG_ERROR, "%s", facedge_last_error());
        return;
    }
    for (std::thread::id nobody;
         !closing.owner.compare_exchange_weak(nobody, me, std::memory_order_acquire);
         nobody = std::thread::id())
        std::this_thread::yield();
    delete *stream;
    *stream = nullptr;
}

int facedge_submit(facedge_stream* stream, const facedge_frame* frame, const facedge_roi* rois,
                   size_t n_rois) {
    if (!stream) return refuse_null("facedge_submit", "stream");
    if (!frame) return refuse_null("facedge_submit", "frame");
    if (!rois && n_rois > 0) return refuse_null("facedge_submit", "rois");
    if (int code = check_struct_size(*frame, "facedge_frame")) return code;
    const Turn turn(*stream);
    return turn ? stream->submit(*frame, rois, n_rois) : refuse_second_thread("facedge_submit");
}

int facedge_submit_faces(facedge_stream* stream, const facedge_faces* faces) {
    if (!stream) return refuse_null("facedge_submit_faces", "stream");
    if (!faces) return refuse_null("facedge_submit_faces", "faces");
    if (int code = check_struct_size(*faces, "facedge_faces")) return code;
    const Turn turn(*stream);
    return turn ? stream->submit_faces(*faces) : refuse_second_thread("facedge_submit_faces");
}

int facedge_poll(facedge_stream* stream, facedge_result* result) {
    if (!stream) return refuse_null("facedge_poll", "stream");
    if (!result) return refuse_null("facedge_poll", "result");
    if (int code = check_struct_size(*result, "facedge_result")) return code;
    const Turn turn(*stream);
    return turn ? stream->poll(*result) : refuse_second_thread("facedge_poll");
}

int facedge_wait(facedge_stream* stream, int timeout_ms) {
    if (!stream) return refuse_null("facedge_wait", "stream");
    const Turn turn(*stream);
    return turn ? stream->wait(timeout_ms) : refuse_second_thread("facedge_wait");
}

int facedge_stream_fd(facedge_stream* stream) {
    if (!stream) return refuse_null("facedge_stream_fd", "stream");
    return stream->fd();
}

int facedge_stream_reset(facedge_stream* stream, uint64_t track) {
    if (!stream) return refuse_null("facedge_stream_reset", "stream");
    const Turn turn(*stream);
    return turn ? stream->reset(track) : refuse_second_thread("facedge_stream_reset");
}

int facedge_stream_get_state(facedge_stream* stream, uint64_t track, float* values, size_t floats) {
    if (!stream) return refuse_null("facedge_stream_get_state", "stream");
    if (!values) return refuse_null("facedge_stream_get_state", "values");
    const Turn turn(*stream);
    return turn ? stream->get_state(track, values, floats)
                : refuse_second_thread("facedge_stream_get_state");
}

int facedge_stream_set_state(facedge_stream* stream, uint64_t track, const float* values,
                             size_t floats) {
    if (!stream) return refuse_null("facedge_stream_set_state", "stream");
    if (!values) return refuse_null("facedge_stream_set_state", "values");
    const Turn turn(*stream);
    return turn ? stream->set_state(track, values, floats)
                : refuse_second_thread("facedge_stream_set_state");
}

int facedge_stream_stats(const facedge_stream* stream, facedge_stats* stats) {
    if (!stream) return refuse_null("facedge_stream_stats", "stream");
    if (!stats) return refuse_null("facedge_stream_stats", "stats");
    if (int code = check_struct_size(*stats, "facedge_stats")) return code;
    stream->stats(*stats);
    return FACEDGE_OK;
}

int facedge_stream_takes_cuda(const facedge_stream* stream) {
    if (!stream) return refuse_null("facedge_stream_takes_cuda", "stream");
    return stream->takes_cuda();
}

int facedge_result_cuda(const facedge_stream* stream, const facedge_result* result,
                        const void** restored) {
    if (!stream) return refuse_null("facedge_result_cuda", "stream");
    if (!result) return refuse_null("facedge_result_cuda", "result");
    if (!restored) return refuse_null("facedge_result_cuda", "restored");
    if (int code = check_struct_size(*result, "facedge_result")) return code;
    return stream->result_cuda(*result, *restored);
}

}  // extern "C"
