// Counts heap allocations of the whole process while frames go through a stream: there must be none,
// on the caller's thread or on the worker's. The program replaces malloc and its relatives by ones
// that count and pass on to glibc's.
#include "plugins/fake_bundle.hpp"

#include <facedge/facedge.h>

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
}

namespace {

std::atomic<bool> counting{false};
std::atomic<long> allocations{0};

void count() {
    if (counting.load(std::memory_order_relaxed)) ++allocations;
}

}  // namespace

// operator new ends up here too.
extern "C" {
void* malloc(size_t bytes) {
    count();
    return __libc_malloc(bytes);
}
void* calloc(size_t items, size_t bytes) {
    count();
    return __libc_calloc(items, bytes);
}
void* realloc(void* memory, size_t bytes) {
    count();
    return __libc_realloc(memory, bytes);
}
void* aligned_alloc(size_t alignment, size_t bytes) {
    count();
    return __libc_memalign(alignment, bytes);
}
void* memalign(size_t alignment, size_t bytes) {
    count();
    return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** out, size_t alignment, size_t bytes) {
    count();
    *out = __libc_memalign(alignment, bytes);
    return *out ? 0 : ENOMEM;
}
}

namespace {

constexpr int kFrames = 1000, kWidth = 64, kHeight = 48;

[[noreturn]] void die(const char* what) {
    counting = false;
    std::fprintf(stderr, "%s: %s\n", what, facedge_last_error());
    std::exit(1);
}

facedge_model* open_model(const fake::TemporaryFolder& folder, const fake::BundleSpec& spec) {
    fake::write_bundle(folder / spec.name, spec);
    facedge_model_settings settings;
    facedge_model_settings_default(&settings);
    settings.plugin_dir = FAKE_PLUGIN_DIR;
    facedge_model* model = nullptr;
    if (facedge_model_open(&model, (folder / spec.name).c_str(), &settings))
        die("facedge_model_open");
    return model;
}

// One of everything a camera program does per frame, errors included. Number `i` of many.
void play_one(facedge_stream* stream, int i, facedge_frame& frame, int memory_fd) {
    facedge_roi rois[5] = {};
    for (int k = 0; k < 5; ++k) {
        rois[k].track = static_cast<uint64_t>((i / 20 + k) % 30);  // tracks come and go
        rois[k].kind = FACEDGE_ROI_BOX;
        rois[k].box[0] = rois[k].box[1] = static_cast<float>(4 + k);
        rois[k].box[2] = rois[k].box[3] = 24;
    }
    const auto faces = static_cast<size_t>(i % 5);
    frame.timestamp_us = 33000 * int64_t{i};
    frame.memory = i % 3 ? FACEDGE_MEMORY_HOST : FACEDGE_MEMORY_DMABUF;
    frame.planes[0].fd = memory_fd;
    int code = 0;
    while ((code = facedge_submit(stream, &frame, rois, faces)) == FACEDGE_EAGAIN) {
        facedge_result result = {};
        result.struct_size = sizeof result;
        facedge_wait(stream, -1);
        if (facedge_poll(stream, &result)) die("facedge_poll");
        if (result.status && result.status != FACEDGE_EBACKEND) die(result.message);
    }
    if (code) die("facedge_submit");
    if (facedge_submit(stream, &frame, rois, 5) >= 0) die("5 faces were accepted");
    facedge_stats stats = {};
    stats.struct_size = sizeof stats;
    if (facedge_stream_stats(stream, &stats)) die("facedge_stream_stats");
    if (i % 100 == 0) facedge_stream_reset(stream, static_cast<uint64_t>(i / 20 % 30));
}

long count_allocations(facedge_model* sr, facedge_model* au, facedge_mode mode, int source) {
    facedge_stream_settings settings;
    facedge_stream_settings_default(&settings);
    settings.sr = sr;
    settings.au = au;
    settings.mode = mode;
    settings.au_source = source;
    facedge_stream* stream = nullptr;
    if (facedge_stream_open(&stream, &settings)) die("facedge_stream_open");
    const std::vector<uint8_t> pixels(kWidth * kHeight, 100);
    const int memory_fd = memfd_create("frame", 0);
    if (write(memory_fd, pixels.data(), pixels.size()) != kWidth * kHeight) die("memfd");
    facedge_frame frame;
    facedge_frame_default(&frame);
    frame.format = FACEDGE_FORMAT_GRAY8;
    frame.matrix = FACEDGE_MATRIX_IDENTITY;
    frame.range = FACEDGE_RANGE_FULL;
    frame.width = kWidth;
    frame.height = kHeight;
    frame.planes[0].data = pixels.data();
    frame.planes[0].stride = kWidth;

    allocations = 0;
    counting = true;
    if (facedge_stream_fd(stream) < 0) die("facedge_stream_fd");
    for (int i = 0; i < kFrames; ++i) play_one(stream, i, frame, memory_fd);
    while (facedge_wait(stream, -1) == FACEDGE_OK) {
        facedge_result result = {};
        result.struct_size = sizeof result;
        if (facedge_poll(stream, &result)) die("facedge_poll");
    }
    counting = false;
    const long found = allocations;
    facedge_stream_close(&stream);
    close(memory_fd);
    return found;
}

}  // namespace

int main() {
    // The count works: without this, a program that does not replace malloc would pass.
    counting = true;
    delete new int;
    std::free(std::malloc(1));
    counting = false;
    if (allocations < 1) die("allocations are not counted");

    const fake::TemporaryFolder folder;
    facedge_model* sr = open_model(folder, fake::super_resolution("fail_every=50\n", 2));
    facedge_model* au = open_model(folder, fake::action_units());
    int failures = 0;
    for (facedge_mode mode : {FACEDGE_MODE_INLINE, FACEDGE_MODE_WORKER}) {
        for (int source : {FACEDGE_AU_FROM_FRAME, FACEDGE_AU_FROM_RESTORED}) {
            const long found = count_allocations(sr, au, mode, source);
            std::printf("%s, action units from the %s: %ld allocations in %d frames\n",
                        mode == FACEDGE_MODE_INLINE ? "inline" : "worker",
                        source == FACEDGE_AU_FROM_FRAME ? "frame" : "restored face", found,
                        kFrames);
            failures += found != 0;
        }
    }
    facedge_model_close(&sr);
    facedge_model_close(&au);
    return failures != 0;
}
