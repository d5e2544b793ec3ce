// Plays frames for a long time and compares the process's memory early on with that at the end:
//
//     facedge-soak BUNDLE --submits N | --seconds S [--backend NAME] [--plugin-dir DIR] [--inline]
//
// Frames of changing format and size, faces that come, move and go, resets, refused submits, failed
// inferences. Exits 1 when memory grew by more than 1 MiB between a tenth of the way and the end.
//
// Why 1 MiB: whatever grows once (thread stacks, the allocator's arenas, code paged in) has done so
// by a tenth of the way, and single pages still come and go. Over 10^6 submits the limit is less
// than 1.2 bytes per submit, and the smallest block that malloc can lose has 32.
#include <facedge/facedge.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kLargestWidth = 640, kLargestHeight = 480, kMaxFaces = 4;
constexpr long kGrowthLimit = 1 << 20;  // bytes

struct Options {
    const char* bundle = nullptr;
    const char* backend = nullptr;
    const char* plugin_dir = nullptr;
    uint64_t submits = 0;
    double seconds = 0;
    bool inline_mode = false;
};

[[noreturn]] void die(const std::string& what) {
    std::fprintf(stderr, "facedge-soak: %s\n", what.c_str());
    std::exit(2);
}

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        const auto value = [&] {
            if (i + 1 == argc) die(word + " needs a value");
            return argv[++i];
        };
        if (word == "--submits") options.submits = std::strtoull(value(), nullptr, 10);
        else if (word == "--seconds") options.seconds = std::strtod(value(), nullptr);
        else if (word == "--backend") options.backend = value();
        else if (word == "--plugin-dir") options.plugin_dir = value();
        else if (word == "--inline") options.inline_mode = true;
        else if (word[0] != '-' && !options.bundle) options.bundle = argv[i];
        else die("'" + word + "' is unknown");
    }
    if (!options.bundle || (options.submits < 100 && options.seconds <= 0))
        die("usage: facedge-soak BUNDLE --submits N (100 or more) | --seconds S [--backend NAME] "
            "[--plugin-dir DIR] [--inline]");
    return options;
}

long resident_bytes() {
    long pages = 0, resident = 0;
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    if (!file || std::fscanf(file, "%ld %ld", &pages, &resident) != 2)
        die("/proc/self/statm cannot be read");
    std::fclose(file);
    return resident * sysconf(_SC_PAGESIZE);
}

// xorshift64 (Marsaglia, 2003): the same frames in every run.
class Random {
public:
    uint32_t below(uint32_t limit) {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return static_cast<uint32_t>((state_ >> 16) % limit);
    }

private:
    uint64_t state_ = 0x9E3779B97F4A7C15;
};

class Soak {
public:
    explicit Soak(const Options& options) : pixels_(3 * kLargestWidth * kLargestHeight) {
        for (uint8_t& pixel : pixels_) pixel = static_cast<uint8_t>(random_.below(256));
        facedge_model_settings model_settings;
        facedge_model_settings_default(&model_settings);
        model_settings.backend = options.backend;
        model_settings.plugin_dir = options.plugin_dir;
        if (facedge_model_open(&model_, options.bundle, &model_settings)) die(facedge_last_error());
        facedge_model_info info = {};
        info.struct_size = sizeof info;
        facedge_model_describe(model_, &info);
        facedge_stream_settings settings;
        facedge_stream_settings_default(&settings);
        (info.task == FACEDGE_TASK_SR ? settings.sr : settings.au) = model_;
        settings.max_faces = kMaxFaces;
        settings.mode = options.inline_mode ? FACEDGE_MODE_INLINE : FACEDGE_MODE_WORKER;
        if (facedge_stream_open(&stream_, &settings)) die(facedge_last_error());
        if (facedge_stream_fd(stream_) < 0) die(facedge_last_error());
    }
    Soak(const Soak&) = delete;
    Soak& operator=(const Soak&) = delete;
    ~Soak() {
        facedge_stream_close(&stream_);
        facedge_model_close(&model_);
    }

    void submit_one() {
        const facedge_frame frame = next_frame();
        facedge_roi rois[kMaxFaces + 1];
        const size_t faces = random_.below(kMaxFaces + 1);
        for (size_t i = 0; i <= kMaxFaces; ++i) rois[i] = face(frame, i);
        if (random_.below(50) == 0) submit_nonsense(frame, rois);
        if (random_.below(200) == 0) facedge_stream_reset(stream_, random_.below(40));
        int code = 0;
        while ((code = facedge_submit(stream_, &frame, rois, faces)) == FACEDGE_EAGAIN) poll_one();
        if (code) die(facedge_last_error());
        ++submitted_;
    }

    void finish() {
        while (polled_ < submitted_) poll_one();
        if (released_ != submitted_) die("frames were not released once each");
    }

    uint64_t submitted() const { return submitted_; }
    uint64_t failed() const { return failed_; }

private:
    facedge_frame next_frame() {
        facedge_frame frame;
        facedge_frame_default(&frame);
        frame.format = static_cast<int32_t>(1 + random_.below(6));
        const bool is_yuv = frame.format <= FACEDGE_FORMAT_YUYV;
        frame.matrix = is_yuv ? FACEDGE_MATRIX_BT709 : FACEDGE_MATRIX_IDENTITY;
        frame.range = FACEDGE_RANGE_FULL;
        frame.width = static_cast<int32_t>(160 + 2 * random_.below((kLargestWidth - 160) / 2));
        frame.height = static_cast<int32_t>(120 + random_.below(kLargestHeight - 120));
        const ptrdiff_t stride = ptrdiff_t{3} * kLargestWidth;
        for (facedge_plane& plane : frame.planes)
            plane.data = pixels_.data(), plane.stride = stride;
        frame.timestamp_us = static_cast<int64_t>(submitted_) * 33333;
        frame.release = [](void* self) { ++static_cast<Soak*>(self)->released_; };
        frame.user = this;
        return frame;
    }

    facedge_roi face(const facedge_frame& frame, size_t index) {
        facedge_roi roi = {};
        roi.track = submitted_ / 100 % 30 + index;
        roi.kind = FACEDGE_ROI_BOX;
        roi.box[2] = roi.box[3] = static_cast<float>(20 + random_.below(60));
        roi.box[0] = static_cast<float>(random_.below(static_cast<uint32_t>(frame.width - 80)));
        roi.box[1] = static_cast<float>(random_.below(static_cast<uint32_t>(frame.height - 80)));
        return roi;
    }

    void submit_nonsense(facedge_frame frame, const facedge_roi* rois) {
        facedge_roi twice[2] = {rois[0], rois[0]};
        bool accepted = facedge_submit(stream_, &frame, rois, kMaxFaces + 1) >= 0;
        accepted |= facedge_submit(stream_, &frame, twice, 2) >= 0;
        frame.planes[0].stride = 1;
        accepted |= facedge_submit(stream_, &frame, rois, 1) >= 0;
        if (accepted) die("nonsense was accepted");
    }

    void poll_one() {
        facedge_result result = {};
        result.struct_size = sizeof result;
        facedge_wait(stream_, -1);
        if (facedge_poll(stream_, &result)) die(facedge_last_error());
        if (result.frame != polled_++) die("results are out of order");
        failed_ += result.status != FACEDGE_OK;
    }

    Random random_;
    std::vector<uint8_t> pixels_;
    facedge_model* model_ = nullptr;
    facedge_stream* stream_ = nullptr;
    uint64_t submitted_ = 0, polled_ = 0, failed_ = 0;
    // Written by the worker thread and read after every result was polled.
    uint64_t released_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    const Options options = parse(argc, argv);
    Soak soak(options);
    const Clock::time_point begin = Clock::now();
    const auto progress = [&] {
        if (options.submits) {
            return static_cast<double>(soak.submitted()) / static_cast<double>(options.submits);
        }
        return std::chrono::duration<double>(Clock::now() - begin).count() / options.seconds;
    };
    while (progress() < 0.1) soak.submit_one();
    const long early = resident_bytes();
    while (progress() < 1) soak.submit_one();
    soak.finish();
    const long late = resident_bytes();
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    std::printf(
        "%llu submits in %.1f s, %llu failed; memory %ld KiB at a tenth, %ld KiB at the end: "
        "%+ld KiB, limit %ld\n",
        static_cast<unsigned long long>(soak.submitted()), seconds,
        static_cast<unsigned long long>(soak.failed()), early / 1024, late / 1024,
        (late - early) / 1024, kGrowthLimit / 1024);
    return late - early > kGrowthLimit;
}
