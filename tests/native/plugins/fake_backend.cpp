// A back end without a library: what it computes can be worked out by hand, and it fails on request.
//
//   restored[y][x][c] = images[y / s][x / s][c] + (uint8)state_in[...] mod 256   (first h*w floats)
//   state_out = state_in + 1 + images[0][0][0]
//   probabilities[k] = mean of channel k mod 3 / 255
//   landmarks[k] = a grid of 7 x 7 points over the input picture
//
// An artifact is text, "key=value" per line:
//   fail_open=CODE       engine_open fails with this code
//   fail_lane=N          so does the Nth lane_open (1, 2, ...), with FACEDGE_ENOMEM
//   fail_enqueue=N       so does the Nth enqueue of the engine (0, 1, ...); the same for fail_wait,
//                        fail_crop, fail_crop_wait
//   fail_every=N         so does every Nth enqueue
//   fail_code=CODE       with this code instead of FACEDGE_EBACKEND
//   silent=1             and without a text
//   sleep_us=N           an enqueue takes this long
//   late=1               the work is done by wait, not by enqueue
//
// Environment: FACEDGE_FAKE_TABLE is "null", "abi", "tiny" (too small), "small" (ends before crop)
// or "incomplete"; FACEDGE_FAKE_UNAVAILABLE makes `available` refuse.
//
// What the interface promises to a back end is checked; a broken promise ends the program.
#include <facedge/facedge_backend.h>

#ifdef FAKE_CUDA
#include "image/image.hpp"
#endif

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace {

struct Tensor {
    std::string name;
    size_t elements = 1, bytes = 1;  // of one row
    std::vector<int64_t> shape;
};

std::vector<Tensor> copy_tensors(const facedge_tensor_info* infos, int32_t count) {
    std::vector<Tensor> tensors;
    for (int32_t i = 0; i < count; ++i) {
        Tensor tensor;
        tensor.name = infos[i].name;
        for (int32_t k = 1; k < infos[i].rank; ++k)
            tensor.elements *= static_cast<size_t>(infos[i].shape[k]);
        tensor.bytes = tensor.elements * (infos[i].dtype == FACEDGE_UINT8 ? 1 : 4);
        tensor.shape.assign(infos[i].shape, infos[i].shape + infos[i].rank);
        tensors.push_back(tensor);
    }
    return tensors;
}

using Memory = std::unique_ptr<void, void (*)(void*)>;

Memory allocate(size_t bytes) {
    bytes = (bytes / 256 + 1) * 256;
    void* memory = std::aligned_alloc(256, bytes);
    if (!memory) throw std::bad_alloc();
    std::memset(memory, 0xA5, bytes);
    return Memory(memory, std::free);
}

[[noreturn]] void broken_promise(const char* what) {
    std::fprintf(stderr, "fake back end: the host broke a promise: %s\n", what);
    std::abort();
}

}  // namespace

struct facedge_engine {
    std::map<std::string, long> options;
    std::vector<Tensor> inputs, outputs;
    std::atomic<long> lanes_opened{0}, lanes{0};
    std::atomic<long> enqueues{0}, waits{0}, crops{0}, crop_waits{0};

    long option(const char* name, long otherwise) const {
        const auto found = options.find(name);
        return found == options.end() ? otherwise : found->second;
    }
    // Found once: looking up a map needs a string.
    long fail_enqueue = -1, fail_every = 0, fail_wait = -1, fail_crop = -1, fail_crop_wait = -1;
    long fail_code = FACEDGE_EBACKEND, silent = 0, sleep_us = 0, late = 0;
};

struct facedge_lane {
    facedge_engine* engine = nullptr;
    facedge_lane* peer = nullptr;
    int dependants = 0;  // lanes that named this one as their peer
    std::vector<int32_t> batches;
    std::vector<Memory> inputs, outputs;
    Memory gpu_images{nullptr, std::free};  // stands for device memory
    std::atomic<bool> busy{false};
    bool running = false, cropping = false, cropped = false;
    int32_t batch = 0;
};

namespace {

// Nobody else may be inside the lane.
class Inside {
public:
    explicit Inside(facedge_lane& lane) : lane_(lane) {
        if (lane_.busy.exchange(true)) broken_promise("two threads are in one lane");
    }
    ~Inside() { lane_.busy = false; }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

private:
    facedge_lane& lane_;
};

int fail(const facedge_engine& engine, facedge_error* error, const char* what, long at) {
    if (!engine.silent) {
        std::snprintf(error->text, sizeof error->text, "it was told to fail at %s %ld", what, at);
    }
    return static_cast<int>(engine.fail_code);
}

template <class Element>
Element* rows(facedge_lane& lane, bool input, const char* name) {
    const auto& tensors = input ? lane.engine->inputs : lane.engine->outputs;
    auto& memory = input ? lane.inputs : lane.outputs;
    for (size_t i = 0; i < tensors.size(); ++i) {
        if (tensors[i].name == name) return static_cast<Element*>(memory[i].get());
    }
    return nullptr;
}

void restore(const uint8_t* image, int height, int width, int scale, const float* state,
             size_t state_floats, uint8_t* out) {
    for (int y = 0; y < height * scale; ++y) {
        for (int x = 0; x < width * scale; ++x, out += 3) {
            const size_t from = static_cast<size_t>(y / scale * width + x / scale);
            const int add = state ? static_cast<int>(state[from % state_floats]) : 0;
            for (size_t c = 0; c < 3; ++c) out[c] = static_cast<uint8_t>(image[3 * from + c] + add);
        }
    }
}

void read_units(const uint8_t* image, int height, int width, float* chances, float* points) {
    double sums[3] = {};
    for (int i = 0; i < height * width; ++i) {
        for (int c = 0; c < 3; ++c) sums[c] += image[3 * i + c];
    }
    for (int k = 0; k < FACEDGE_ACTION_UNITS; ++k)
        chances[k] = static_cast<float>(sums[k % 3] / (255.0 * height * width));
    for (int k = 0; k < FACEDGE_LANDMARKS; ++k) {
        points[2 * k] = static_cast<float>((k % 7) * (width - 1)) / 6.0f;
        points[2 * k + 1] = static_cast<float>((k / 7) * (height - 1)) / 6.0f;
    }
}

void compute(facedge_lane& lane) {
    const Tensor& images = lane.engine->inputs[0];
    const int height = static_cast<int>(images.shape[1]), width = static_cast<int>(images.shape[2]);
    const auto* image =
        static_cast<const uint8_t*>(lane.cropped ? lane.gpu_images.get() : lane.inputs[0].get());
    lane.cropped = false;
    const auto* state_in = rows<float>(lane, true, "state_in");
    auto* state_out = rows<float>(lane, false, "state_out");
    const size_t floats = state_in ? lane.engine->inputs[1].elements : 0;
    auto* restored = rows<uint8_t>(lane, false, "restored");
    const Tensor& first_output = lane.engine->outputs[0];
    for (size_t i = 0; i < static_cast<size_t>(lane.batch); ++i) {
        const uint8_t* picture = image + i * images.bytes;
        const float* state = state_in ? state_in + i * floats : nullptr;
        if (restored) {
            const int scale = static_cast<int>(first_output.shape[1]) / height;
            restore(picture, height, width, scale, state, floats,
                    restored + i * first_output.bytes);
        } else {
            read_units(picture, height, width,
                       rows<float>(lane, false, "probabilities") + i * FACEDGE_ACTION_UNITS,
                       rows<float>(lane, false, "landmarks") + i * FACEDGE_LANDMARKS * 2);
        }
        for (size_t k = 0; k < floats; ++k)
            state_out[i * floats + k] = state[k] + 1.0f + static_cast<float>(picture[0]);
    }
}

int available(const facedge_backend_host*, const char* library, char* version, size_t version_bytes,
              facedge_error* error) {
    if (std::getenv("FACEDGE_FAKE_UNAVAILABLE")) {
        std::snprintf(error->text, sizeof error->text, "the fake library is not installed");
        return FACEDGE_EBACKEND;
    }
    std::snprintf(version, version_bytes, "%s", library ? library : "1.2.3");
    return FACEDGE_OK;
}

int engine_open(const facedge_backend_host* host, const facedge_artifact* artifact,
                const facedge_engine_settings*, facedge_engine** out, facedge_error* error) {
    auto engine = std::make_unique<facedge_engine>();
    const std::string text(static_cast<const char*>(artifact->data), artifact->bytes);
    for (size_t start = 0; start < text.size();) {
        const size_t end = std::min(text.find('\n', start), text.size());
        const std::string line = text.substr(start, end - start);
        const size_t equals = line.find('=');
        if (equals != std::string::npos)
            engine->options[line.substr(0, equals)] = std::atol(line.c_str() + equals + 1);
        start = end + 1;
    }
    if (const long code = engine->option("fail_open", 0)) {
        std::snprintf(error->text, sizeof error->text,
                      "%s was told not to open; make it anew with: %s", artifact->path,
                      artifact->rebuild);
        return static_cast<int>(code);
    }
    engine->inputs = copy_tensors(artifact->inputs, artifact->n_inputs);
    engine->outputs = copy_tensors(artifact->outputs, artifact->n_outputs);
    engine->fail_enqueue = engine->option("fail_enqueue", -1);
    engine->fail_every = engine->option("fail_every", 0);
    engine->fail_wait = engine->option("fail_wait", -1);
    engine->fail_crop = engine->option("fail_crop", -1);
    engine->fail_crop_wait = engine->option("fail_crop_wait", -1);
    engine->fail_code = engine->option("fail_code", FACEDGE_EBACKEND);
    engine->silent = engine->option("silent", 0);
    engine->sleep_us = engine->option("sleep_us", 0);
    engine->late = engine->option("late", 0);
    host->log(FACEDGE_LOG_DEBUG, "the fake back end\nopened an engine");
    *out = engine.release();
    return FACEDGE_OK;
}

void engine_close(facedge_engine* engine) {
    if (engine->lanes != 0) broken_promise("an engine is closed before its lanes");
    delete engine;
}

int lane_open(facedge_engine* engine, const facedge_lane_settings* settings,
              facedge_lane_buffers* buffers, facedge_lane** out, facedge_error* error) {
    const long number = ++engine->lanes_opened;
    if (number == engine->option("fail_lane", -1)) {
        std::snprintf(error->text, sizeof error->text, "it was told to fail at lane %ld", number);
        return FACEDGE_ENOMEM;
    }
    auto lane = std::make_unique<facedge_lane>();
    lane->engine = engine;
    lane->batches.assign(settings->batches, settings->batches + settings->n_batches);
    if (!std::is_sorted(lane->batches.begin(), lane->batches.end()) || lane->batches.empty())
        broken_promise("the batches are not in ascending order");
    const auto largest = static_cast<size_t>(lane->batches.back());
    for (size_t i = 0; i < engine->inputs.size(); ++i) {
        lane->inputs.push_back(allocate(engine->inputs[i].bytes * largest));
        buffers->inputs[i] = lane->inputs.back().get();
    }
    for (size_t i = 0; i < engine->outputs.size(); ++i) {
        lane->outputs.push_back(allocate(engine->outputs[i].bytes * largest));
        buffers->outputs[i] = lane->outputs.back().get();
#ifdef FAKE_CUDA
        buffers->device_outputs[i] = lane->outputs.back().get();
#endif
    }
    lane->gpu_images = allocate(engine->inputs[0].bytes * largest);
    lane->peer = settings->peer;
    if (lane->peer) ++lane->peer->dependants;
    ++engine->lanes;
    *out = lane.release();
    return FACEDGE_OK;
}

void lane_close(facedge_lane* lane) {
    if (lane->dependants) broken_promise("a lane is closed before those that have it as a peer");
    if (lane->running) broken_promise("a lane is closed while it runs");
    if (lane->cropping) broken_promise("a lane is closed while its crops are under way");
    if (lane->peer) --lane->peer->dependants;
    --lane->engine->lanes;
    delete lane;
}

int enqueue(facedge_lane* lane, int32_t batch_index, facedge_error* error) {
    const Inside inside(*lane);
    if (batch_index < 0 || static_cast<size_t>(batch_index) >= lane->batches.size())
        broken_promise("a batch that was not prepared is enqueued");
    if (lane->running) broken_promise("a lane is enqueued twice without a wait");
    if (lane->peer && lane->peer->running)
        broken_promise("a lane runs at the same time as its peer");
    const facedge_engine& engine = *lane->engine;
    const long number = lane->engine->enqueues++;
    if (number == engine.fail_enqueue ||
        (engine.fail_every > 0 && number % engine.fail_every == engine.fail_every - 1))
        return fail(engine, error, "enqueue", number);
    if (engine.sleep_us) usleep(static_cast<useconds_t>(engine.sleep_us));
    lane->batch = lane->batches[static_cast<size_t>(batch_index)];
    lane->running = true;
    if (!engine.late) compute(*lane);
    return FACEDGE_OK;
}

int wait(facedge_lane* lane, facedge_error* error) {
    const Inside inside(*lane);
    if (!lane->running) broken_promise("a lane is waited for that does not run");
    lane->running = false;
    const long number = lane->engine->waits++;
    if (number == lane->engine->fail_wait) return fail(*lane->engine, error, "wait", number);
    if (lane->engine->late) compute(*lane);
    return FACEDGE_OK;
}

#ifdef FAKE_CUDA
// "Device" addresses are ordinary ones here.
int crop(facedge_lane* lane, const facedge_crop_job* job, facedge_error* error) {
    const Inside inside(*lane);
    if (job->count == 0) {
        if (lane->cropping) broken_promise("crops that are under way are taken back");
        lane->cropped = false;
        return FACEDGE_OK;
    }
    if (lane->cropped) broken_promise("crops are started that nobody has taken yet");
    if (job->frame->memory != FACEDGE_MEMORY_CUDA) broken_promise("a host frame is cropped");
    if (lane->cropping) broken_promise("crops are started twice without a wait");
    if (job->count == 0) {
        lane->cropped = false;
        return FACEDGE_OK;
    }
    if (job->count > lane->batches.back()) broken_promise("more crops than the largest batch");
    const long number = lane->engine->crops++;
    if (number == lane->engine->fail_crop) return fail(*lane->engine, error, "crop", number);
    const facedge_frame& frame = *job->frame;
    facedge::FrameView view = {};
    view.format = static_cast<facedge_format>(frame.format);
    view.matrix = static_cast<facedge_matrix>(frame.matrix);
    view.range = static_cast<facedge_range>(frame.range);
    view.width = frame.width;
    view.height = frame.height;
    for (int i = 0; i < 2; ++i) {
        view.planes[i] = frame.planes[i].data;
        view.stride[i] = frame.planes[i].stride;
    }
    auto* rgb = static_cast<uint8_t*>(lane->gpu_images.get());
    const Memory scratch = allocate(facedge::crop_scratch_bytes(job->width, job->height));
    for (int32_t i = 0; i < job->count; ++i) {
        facedge::Similarity to_frame;
        std::memcpy(to_frame.m, job->to_frame[i], sizeof to_frame.m);
        facedge::crop(view, to_frame, static_cast<facedge_filter>(job->filter), job->width,
                      job->height, rgb, scratch.get());
        rgb += 3 * job->width * job->height;
    }
    lane->cropping = lane->cropped = true;
    return FACEDGE_OK;
}

int crop_wait(facedge_lane* lane, facedge_error* error) {
    const Inside inside(*lane);
    if (!lane->cropping) broken_promise("crops are waited for that were not started");
    lane->cropping = false;
    const long number = lane->engine->crop_waits++;
    if (number == lane->engine->fail_crop_wait)
        return fail(*lane->engine, error, "crop_wait", number);
    return FACEDGE_OK;
}
#endif

facedge_backend_table make_table() {
    facedge_backend_table table = {};
    table.abi = FACEDGE_BACKEND_ABI;
    table.size = sizeof table;
    table.name = "fake";
    table.available = available;
    table.engine_open = engine_open;
    table.engine_close = engine_close;
    table.lane_open = lane_open;
    table.lane_close = lane_close;
    table.enqueue = enqueue;
    table.wait = wait;
#ifdef FAKE_CUDA
    table.crop = crop;
    table.crop_wait = crop_wait;
#endif
    return table;
}

facedge_backend_table make_table(const std::string& kind) {
    facedge_backend_table table = make_table();
    if (kind == "abi") table.abi = FACEDGE_BACKEND_ABI + 1;
    if (kind == "tiny") table.size = offsetof(facedge_backend_table, wait);
    if (kind == "incomplete") table.enqueue = nullptr;
    if (kind == "small") {
        // What lies beyond the size is not the table's: whoever calls it crashes.
        table.size = offsetof(facedge_backend_table, crop);
        std::memset(reinterpret_cast<char*>(&table) + table.size, 0x01, sizeof table - table.size);
    }
    return table;
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" const facedge_backend_table* facedge_backend(uint32_t) {
    static const facedge_backend_table usual = make_table();
    static const std::map<std::string, facedge_backend_table> unusual = {
        {"abi", make_table("abi")},
        {"tiny", make_table("tiny")},
        {"small", make_table("small")},
        {"incomplete", make_table("incomplete")},
    };
    const char* kind = std::getenv("FACEDGE_FAKE_TABLE");
    if (!kind) return &usual;
    const auto found = unusual.find(kind);
    return found == unusual.end() ? nullptr : &found->second;
}
#pragma GCC visibility pop
