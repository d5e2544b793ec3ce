// Frames, faces and settings that nobody sends: bytes become a description, the description goes to
// a stream on the fake back end. Whatever a frame's description says, exactly the bytes that it
// covers exist, so that reading beyond them is found. FACEDGE_MODE_INLINE keeps it in one thread.
#include "descriptions.hpp"
#include "plugins/fake_bundle.hpp"

#include <facedge/facedge.h>

#include <cstring>
#include <memory>
#include <utility>
#include <vector>

using namespace fuzz;

namespace {

constexpr size_t kMostFaces = 5;

facedge_model* open_model(const fake::BundleSpec& spec) {
    const fake::TemporaryFolder folder;
    fake::write_bundle(folder / "bundle", spec);
    facedge_model_settings settings;
    facedge_model_settings_default(&settings);
    settings.plugin_dir = FAKE_PLUGIN_DIR;
    facedge_model* model = nullptr;
    REQUIRE(facedge_model_open(&model, (folder / "bundle").c_str(), &settings) == FACEDGE_OK);
    return model;
}

// The streams that frames are tried on, opened once.
struct Streams {
    facedge_model* sr = open_model(fake::super_resolution("", 1));
    facedge_model* failing = open_model(fake::super_resolution("fail_every=3\n", 1));
    facedge_model* au = open_model(fake::action_units());
    std::vector<facedge_stream*> all;
    std::vector<int> sides = {16, 22, 16, 16, 16};  // of the first model's input

    Streams() {
        open(sr, nullptr, FACEDGE_AU_FROM_FRAME);
        open(nullptr, au, FACEDGE_AU_FROM_FRAME);
        open(sr, au, FACEDGE_AU_FROM_FRAME);
        open(sr, au, FACEDGE_AU_FROM_RESTORED);
        open(failing, nullptr, FACEDGE_AU_FROM_FRAME);
    }
    facedge_stream_settings settings(facedge_model* first, facedge_model* second,
                                     int source) const {
        facedge_stream_settings made;
        facedge_stream_settings_default(&made);
        made.sr = first;
        made.au = second;
        made.au_source = source;
        made.mode = FACEDGE_MODE_INLINE;
        return made;
    }
    void open(facedge_model* first, facedge_model* second, int source) {
        const facedge_stream_settings made = settings(first, second, source);
        facedge_stream* stream = nullptr;
        REQUIRE(facedge_stream_open(&stream, &made) == FACEDGE_OK);
        all.push_back(stream);
    }
};

int released = 0;
void release(void*) { ++released; }

// Reads everything a result points to.
void read_face(const facedge_face& face, int side) {
    unsigned sum = 0;
    for (int y = 0; face.restored && y < face.height; ++y) {
        for (int x = 0; x < 3 * face.width; ++x) sum += face.restored[y * face.stride + x];
    }
    for (int i = 0; face.crop && i < 3 * side * side; ++i) sum += face.crop[i];
    float all = 0;
    for (int i = 0; face.probabilities && i < FACEDGE_ACTION_UNITS; ++i)
        all += face.probabilities[i];
    for (int i = 0; face.landmarks && i < FACEDGE_LANDMARKS; ++i) all += face.landmarks[i][1];
    volatile float kept = all + static_cast<float>(sum);
    (void)kept;
}

void poll_all(facedge_stream* stream, size_t faces, int side) {
    facedge_result result = {};
    result.struct_size = sizeof result;
    while (facedge_poll(stream, &result) == FACEDGE_OK) {
        REQUIRE(result.status == FACEDGE_OK || result.status == FACEDGE_EBACKEND);
        REQUIRE((result.status == FACEDGE_OK) == (result.message[0] == '\0'));
        REQUIRE(result.n_faces == (result.status == FACEDGE_OK ? faces : 0));
        for (size_t i = 0; i < result.n_faces; ++i) read_face(result.faces[i], side);
    }
}

// A refused call has a sentence.
void check_code(int code) {
    REQUIRE(code == FACEDGE_OK || (code <= FACEDGE_EINVAL && code >= FACEDGE_ENOMEM));
    if (code) REQUIRE(std::strlen(facedge_last_error()) > 20);
}

void try_frame(Input& in, facedge_stream* stream, int side) {
    facedge_frame frame = describe_frame(in);
    if (in.ConsumeBool()) frame.release = release;
    const Memory memory(in, frame);
    if (!memory.affordable()) return;
    facedge_roi rois[kMostFaces + 1];
    const size_t faces = in.ConsumeIntegralInRange<size_t>(0, kMostFaces);
    for (size_t i = 0; i < faces; ++i) rois[i] = describe_face(in, i);
    released = 0;
    const int code = facedge_submit(stream, &frame, rois, faces);
    check_code(code);
    REQUIRE(code != FACEDGE_OK || memory.playable());
    REQUIRE(released == (code == FACEDGE_OK && frame.release ? 1 : 0));
    poll_all(stream, faces, side);
}

void try_faces(Input& in, facedge_stream* stream, int side) {
    facedge_faces faces;
    facedge_faces_default(&faces);
    faces.count = static_cast<size_t>(number(in, 0, kMostFaces));
    faces.width = static_cast<int32_t>(number(in, side, side));
    faces.height = static_cast<int32_t>(number(in, side, side));
    faces.row_stride = static_cast<ptrdiff_t>(number(in, 3 * side, 3 * side + 5));
    if (in.ConsumeBool()) faces.row_stride = 0;
    faces.face_stride = static_cast<ptrdiff_t>(number(in, 0, 4 * side * side));
    faces.timestamp_us = number(in, 0, 1000000);
    uint64_t tracks[kMostFaces] = {};
    for (uint64_t& track : tracks) track = in.ConsumeIntegral<uint8_t>();
    if (in.ConsumeBool()) faces.tracks = tracks;
    // What the last face's last row covers.
    const ptrdiff_t row = faces.row_stride ? faces.row_stride : 3 * side;
    ptrdiff_t face = faces.face_stride, bytes = 0;
    bool playable = faces.count <= kMostFaces && face >= 0 && row >= 3 * side;
    playable = playable && !__builtin_mul_overflow(row, ptrdiff_t{side} - 1, &bytes);
    if (face == 0) playable = playable && !__builtin_mul_overflow(row, ptrdiff_t{side}, &face);
    ptrdiff_t start = 0;
    const auto last = faces.count ? static_cast<ptrdiff_t>(faces.count - 1) : ptrdiff_t{0};
    playable = playable && !__builtin_mul_overflow(face, last, &start) &&
               !__builtin_add_overflow(bytes, start, &bytes) &&
               !__builtin_add_overflow(bytes, ptrdiff_t{3} * side, &bytes) &&
               bytes <= static_cast<ptrdiff_t>(kMostBytes);
    if (!playable && faces.count <= 4) return;  // real memory of that size may exist elsewhere
    const std::unique_ptr<uint8_t[]> pixels(
        new uint8_t[playable ? static_cast<size_t>(bytes) : 1]());
    faces.pixels = pixels.get();
    const int code = facedge_submit_faces(stream, &faces);
    check_code(code);
    poll_all(stream, faces.count, side);
}

void try_states(Input& in, facedge_stream* stream) {
    std::vector<float> state(16 * 16, 1.0f);
    const auto floats = in.ConsumeBool() ? state.size() : in.ConsumeIntegralInRange<size_t>(0, 255);
    const uint64_t track = in.ConsumeIntegral<uint8_t>();
    check_code(facedge_stream_set_state(stream, track, state.data(), floats));
    check_code(
        facedge_stream_get_state(stream, in.ConsumeIntegral<uint8_t>(), state.data(), floats));
    check_code(facedge_stream_reset(stream, in.ConsumeBool() ? track : FACEDGE_ALL_TRACKS));
}

void try_settings(Input& in, const Streams& streams) {
    facedge_stream_settings settings = streams.settings(in.ConsumeBool() ? streams.sr : nullptr,
                                                        in.ConsumeBool() ? streams.au : nullptr,
                                                        static_cast<int>(number(in, 1, 2)));
    if (seldom(in)) std::swap(settings.sr, settings.au);
    if (seldom(in)) settings.struct_size = in.ConsumeIntegral<size_t>();
    settings.batching = static_cast<int32_t>(number(in, 1, 2));
    settings.max_faces = static_cast<int32_t>(number(in, 1, 6));
    settings.depth = static_cast<int32_t>(number(in, 0, 3));
    settings.max_tracks = static_cast<int32_t>(number(in, 1, 20));
    settings.max_missed = static_cast<int32_t>(number(in, 0, 5));
    settings.max_gap_us = number(in, 0, 1000000);
    facedge_stream* stream = nullptr;
    check_code(facedge_stream_open(&stream, &settings));
    if (stream) try_faces(in, stream, settings.sr ? 16 : 22);
    facedge_stream_close(&stream);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Streams& streams = *new Streams;  // for all inputs; never closed
    for (facedge_stream* stream : streams.all) facedge_stream_reset(stream, FACEDGE_ALL_TRACKS);
    Input in(data, size);
    for (int step = 0; step < 8 && in.remaining_bytes() > 0; ++step) {
        const size_t which = in.ConsumeIntegralInRange<size_t>(0, streams.all.size() - 1);
        facedge_stream* stream = streams.all[which];
        const int side = streams.sides[which];
        switch (in.ConsumeIntegralInRange<int>(0, 15)) {
            case 0: try_settings(in, streams); break;
            case 1: try_states(in, stream); break;
            case 2:
            case 3:
            case 4: try_faces(in, stream, side); break;
            default: try_frame(in, stream, side);
        }
    }
    return 0;
}
