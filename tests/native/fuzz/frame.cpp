// Frames, faces and settings that nobody sends: bytes become a description, the description goes to
// a stream on the fake back end. Whatever a frame's description says, exactly the bytes that it
// covers exist, so that reading beyond them is found. FACEDGE_MODE_INLINE keeps it in one thread.
#include "plugins/fake_bundle.hpp"

#include <facedge/facedge.h>

#include <fuzzer/FuzzedDataProvider.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

namespace {

constexpr size_t kMostBytes = 1 << 20;  // of a plane
constexpr size_t kMostFaces = 5;

#define REQUIRE(condition) \
    do { \
        if (!(condition)) { \
            std::fprintf(stderr, "%s does not hold: %s\n", #condition, facedge_last_error()); \
            std::abort(); \
        } \
    } while (false)

using Input = FuzzedDataProvider;

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

// A number of any kind, more often one that may be right.
int64_t number(Input& in, int64_t least, int64_t most) {
    return in.ConsumeIntegral<uint8_t>() < 250 ? in.ConsumeIntegralInRange<int64_t>(least, most)
                                               : in.ConsumeIntegral<int64_t>();
}

float coordinate(Input& in) {
    if (in.ConsumeBool()) return static_cast<float>(in.ConsumeIntegralInRange<int>(-64, 512)) / 4;
    uint32_t bits = in.ConsumeIntegral<uint32_t>();
    float value = 0;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

// Bytes of a row and rows of a plane, as facedge.h describes the formats.
size_t row_bytes(const facedge_frame& frame, int plane) {
    const auto width = static_cast<size_t>(frame.width);
    switch (frame.format) {
        case FACEDGE_FORMAT_NV12:
        case FACEDGE_FORMAT_NV21: return plane ? (width + 1) / 2 * 2 : width;
        case FACEDGE_FORMAT_YUYV: return 2 * width;
        case FACEDGE_FORMAT_RGB24:
        case FACEDGE_FORMAT_BGR24: return 3 * width;
        default: return width;
    }
}

size_t rows_of(const facedge_frame& frame, int plane) {
    const auto height = static_cast<size_t>(frame.height);
    return plane ? (height + 1) / 2 : height;
}

bool has_second_plane(const facedge_frame& frame) {
    return frame.format == FACEDGE_FORMAT_NV12 || frame.format == FACEDGE_FORMAT_NV21;
}

// The bytes that a plane's description covers; false: it cannot be made, or not cheaply.
bool covered(const facedge_frame& frame, int plane, size_t& bytes) {
    const ptrdiff_t stride = frame.planes[plane].stride;
    if (frame.width < 1 || frame.height < 1 || stride < 0) return false;
    return !__builtin_mul_overflow(static_cast<size_t>(stride), rows_of(frame, plane) - 1,
                                   &bytes) &&
           !__builtin_add_overflow(bytes, row_bytes(frame, plane), &bytes) && bytes <= kMostBytes;
}

int released = 0;
void release(void*) { ++released; }

facedge_frame describe_frame(Input& in) {
    facedge_frame frame;
    facedge_frame_default(&frame);
    if (in.ConsumeIntegral<uint8_t>() == 0) frame.struct_size = in.ConsumeIntegral<size_t>();
    frame.format = static_cast<int32_t>(number(in, FACEDGE_FORMAT_NV12, FACEDGE_FORMAT_GRAY8));
    const bool is_rgb = frame.format >= FACEDGE_FORMAT_RGB24;
    frame.matrix = static_cast<int32_t>(number(in, is_rgb ? 1 : 2, is_rgb ? 1 : 4));
    frame.range = static_cast<int32_t>(number(in, is_rgb ? 2 : 1, 2));
    frame.width = static_cast<int32_t>(number(in, 1, 128));
    frame.height = static_cast<int32_t>(number(in, 1, 128));
    frame.timestamp_us = number(in, 0, 1000000);
    frame.memory = static_cast<int32_t>(number(in, FACEDGE_MEMORY_HOST, FACEDGE_MEMORY_DMABUF));
    for (int plane = 0; plane < 2; ++plane) {
        const auto row = static_cast<int64_t>(frame.width > 0 ? row_bytes(frame, plane) : 1);
        frame.planes[plane].stride = static_cast<ptrdiff_t>(number(in, row, row + 16));
        frame.planes[plane].offset =
            frame.memory == FACEDGE_MEMORY_DMABUF ? static_cast<size_t>(number(in, 0, 5000)) : 0;
        frame.planes[plane].fd = -1;
    }
    if (in.ConsumeBool()) frame.release = release;
    return frame;
}

// The memory behind a frame: exactly what its description covers.
class Memory {
public:
    Memory(Input& in, facedge_frame& frame) {
        for (int plane = 0; plane <= int{has_second_plane(frame)}; ++plane) {
            size_t bytes = 0;
            playable_ &= covered(frame, plane, bytes);
            if (!playable_) bytes = 1;
            if (frame.memory == FACEDGE_MEMORY_DMABUF)
                make_file(in, frame.planes[plane], bytes, plane);
            else make_block(in, frame.planes[plane], bytes, plane);
        }
    }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    ~Memory() {
        for (int fd : files_) {
            if (fd >= 0) close(fd);
        }
    }
    // Whether the frame may be accepted.
    bool playable() const { return playable_; }

private:
    void make_block(Input& in, facedge_plane& plane, size_t bytes, int index) {
        if (in.ConsumeIntegral<uint8_t>() == 0) return;  // stays NULL
        blocks_[index].reset(new uint8_t[bytes]);
        std::memset(blocks_[index].get(), in.ConsumeIntegral<uint8_t>(), bytes);
        plane.data = blocks_[index].get();
    }
    void make_file(Input& in, facedge_plane& plane, size_t bytes, int index) {
        if (in.ConsumeIntegral<uint8_t>() == 0) return;  // stays -1
        size_t end = 0;
        if (__builtin_add_overflow(bytes, plane.offset, &end) || end > kMostBytes)
            playable_ = false, end = 1;
        if (in.ConsumeIntegral<uint8_t>() == 0 && end > 1) playable_ = false, --end;
        files_[index] = memfd_create("frame", MFD_CLOEXEC);
        REQUIRE(ftruncate(files_[index], static_cast<off_t>(end)) == 0);
        plane.fd = files_[index];
    }

    std::unique_ptr<uint8_t[]> blocks_[2];
    int files_[2] = {-1, -1};
    bool playable_ = true;
};

facedge_roi describe_face(Input& in) {
    facedge_roi roi = {};
    roi.track = static_cast<uint64_t>(number(in, 0, 20));
    roi.kind = static_cast<int32_t>(number(in, FACEDGE_ROI_LANDMARKS, FACEDGE_ROI_BOX));
    roi.reserved = in.ConsumeIntegral<uint8_t>() == 255;
    for (auto& point : roi.points) point[0] = coordinate(in), point[1] = coordinate(in);
    for (float& side : roi.box) side = coordinate(in);
    return roi;
}

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
    const Memory memory(in, frame);
    facedge_roi rois[kMostFaces + 1];
    const size_t faces = in.ConsumeIntegralInRange<size_t>(0, kMostFaces);
    for (size_t i = 0; i < faces; ++i) rois[i] = describe_face(in);
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
    const auto last = faces.count ? static_cast<ptrdiff_t>(faces.count) - 1 : 0;
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
    if (in.ConsumeIntegral<uint8_t>() == 0) std::swap(settings.sr, settings.au);
    if (in.ConsumeIntegral<uint8_t>() == 0) settings.struct_size = in.ConsumeIntegral<size_t>();
    settings.batching = static_cast<int32_t>(number(in, 1, 2));
    settings.max_faces = static_cast<int32_t>(number(in, 1, 6));
    settings.depth = static_cast<int32_t>(number(in, 1, 3));
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
