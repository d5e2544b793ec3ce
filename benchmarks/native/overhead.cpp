// Times a back end's own call and the same work through a stream, in alternating rounds.
//
//     native_overhead BUNDLE BACKEND PLUGIN_DIR SAMPLES [--threads N] [--faces N] [--depth N]
//                     [--calls N] [--per-round N]
//
// PLUGIN_DIR holds the plug-ins of timed_backend.cpp, which tell how long a call was in the back end.
// SAMPLES receives nanoseconds as int64, contender after contender, of `calls` calls each: first the
// whole calls, then what each of them spent outside the back end. Standard output is one line of JSON
// that names the contenders. All play the same engine on the same pixels:
//     backend  enqueue and wait on a lane whose inputs are filled
//     control  the same on a second lane: what two equal things differ by on this machine
//     lanes    the same on depth + 1 lanes in turn, as a stream does: what the caches make of it
//     single   facedge_submit_faces and facedge_poll, FACEDGE_MODE_INLINE with depth 0
//     inline   the same with the depth given
//     worker   facedge_submit_faces, facedge_wait and facedge_poll, FACEDGE_MODE_WORKER
#include "clock.hpp"

#include "stream/model.hpp"

#include <facedge/facedge.h>

#include <dlfcn.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct Options {
    std::string bundle, backend, plugins, samples;
    int threads = 1, faces = 1, depth = 2, calls = 4096, per_round = 16;
};

Options parse(int argc, char** argv) {
    if (argc < 5 || argc % 2 == 0)
        throw std::runtime_error("expected BUNDLE BACKEND PLUGIN_DIR SAMPLES [--option NUMBER]...");
    Options options;
    options.bundle = argv[1];
    options.backend = argv[2];
    options.plugins = argv[3];
    options.samples = argv[4];
    for (int i = 5; i < argc; i += 2) {
        const std::string name = argv[i];
        int* value = name == "--threads"     ? &options.threads
                     : name == "--faces"     ? &options.faces
                     : name == "--depth"     ? &options.depth
                     : name == "--calls"     ? &options.calls
                     : name == "--per-round" ? &options.per_round
                                             : nullptr;
        if (!value) throw std::runtime_error("unknown option " + name);
        *value = std::atoi(argv[i + 1]);
        if (*value < 1) throw std::runtime_error(name + " has to be 1 or more");
    }
    return options;
}

void check(int code, const char* what) {
    if (code != FACEDGE_OK)
        throw std::runtime_error(std::string(what) + ": " + facedge_last_error());
}

class Model {
public:
    explicit Model(const Options& options) {
        facedge_model_settings settings;
        facedge_model_settings_default(&settings);
        settings.backend = options.backend.c_str();
        settings.plugin_dir = options.plugins.c_str();
        settings.threads = options.threads;
        check(facedge_model_open(&model_, options.bundle.c_str(), &settings), "facedge_model_open");
        info_.struct_size = sizeof info_;
        check(facedge_model_describe(model_, &info_), "facedge_model_describe");
        if (info_.task != FACEDGE_TASK_SR || info_.stateful)
            throw std::runtime_error("a super-resolution bundle without a state is needed");
    }
    Model(const Model&) = delete;
    Model& operator=(const Model&) = delete;
    ~Model() { facedge_model_close(&model_); }

    facedge_model* get() const { return model_; }
    const facedge::Model& inside() const { return *model_->model; }
    const facedge_model_info& info() const { return info_; }
    size_t input_bytes() const { return inside().network().input_bytes(); }
    size_t output_bytes() const { return inside().network().output_bytes(); }

private:
    facedge_model* model_ = nullptr;
    facedge_model_info info_ = {};
};

using Pixels = std::vector<uint8_t>;

class BareLane {
public:
    BareLane(const Model& model, int faces, const Pixels& pixels) : model_(model), faces_(faces) {
        const facedge::Status status =
            facedge::Lane::open(model.inside().engine(), {faces}, nullptr, lane_);
        if (!status) throw std::runtime_error(status.message());
        std::memcpy(lane_->buffers().inputs[model.inside().network().images], pixels.data(),
                    pixels.size());
    }

    void call() const {
        facedge_error error;
        if (lane_->table().enqueue(lane_->get(), 0, &error) < 0 ||
            lane_->table().wait(lane_->get(), &error) < 0)
            throw std::runtime_error(error.text);
    }

    Pixels restored() const {
        const auto* bytes = static_cast<const uint8_t*>(
            lane_->buffers().outputs[model_.inside().network().restored]);
        return {bytes, bytes + model_.output_bytes() * static_cast<size_t>(faces_)};
    }

private:
    const Model& model_;
    const int faces_;
    std::unique_ptr<facedge::Lane> lane_;
};

class OneStream {
public:
    OneStream(const Model& model, const Options& options, facedge_mode mode, int depth,
              const Pixels& pixels)
        : model_(model), waits_(mode == FACEDGE_MODE_WORKER) {
        facedge_stream_settings settings;
        facedge_stream_settings_default(&settings);
        settings.sr = model.get();
        settings.mode = mode;
        settings.max_faces = options.faces;
        settings.depth = depth;
        check(facedge_stream_open(&stream_, &settings), "facedge_stream_open");
        facedge_faces_default(&faces_);
        faces_.pixels = pixels.data();
        faces_.count = static_cast<size_t>(options.faces);
        faces_.width = model.info().input_width;
        faces_.height = model.info().input_height;
        result_.struct_size = sizeof result_;
    }
    OneStream(const OneStream&) = delete;
    OneStream& operator=(const OneStream&) = delete;
    ~OneStream() { facedge_stream_close(&stream_); }

    void call() {
        check(facedge_submit_faces(stream_, &faces_), "facedge_submit_faces");
        if (waits_) check(facedge_wait(stream_, -1), "facedge_wait");
        check(facedge_poll(stream_, &result_), "facedge_poll");
        if (result_.status != FACEDGE_OK) throw std::runtime_error(result_.message);
    }

    Pixels restored() const {
        Pixels all;
        for (size_t i = 0; i < result_.n_faces; ++i) {
            const uint8_t* face = result_.faces[i].restored;
            all.insert(all.end(), face, face + model_.output_bytes());
        }
        return all;
    }

private:
    const Model& model_;
    const bool waits_;
    facedge_stream* stream_ = nullptr;
    facedge_faces faces_ = {};
    facedge_result result_ = {};
};

struct Contender {
    const char* name;
    std::function<void()> call;
    std::function<Pixels()> restored;
    std::vector<int64_t> nanoseconds, outside;
};

using Nanoseconds = int64_t (*)();

// The counter of the plug-in, which is loaded by now and is not loaded a second time.
Nanoseconds counter_inside(const Options& options) {
    const std::string path = options.plugins + "/libfacedge_backend_" + options.backend + ".so";
    void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_NOLOAD);
    void* found = handle ? dlsym(handle, "facedge_timed_nanoseconds") : nullptr;
    if (!found) throw std::runtime_error(path + " does not tell how long it takes");
    return reinterpret_cast<Nanoseconds>(found);
}

// The order turns and reverses from round to round, so that nobody always follows the same one.
void measure(std::vector<Contender>& contenders, const Options& options) {
    const Nanoseconds inside = counter_inside(options);
    for (Contender& contender : contenders) {
        contender.nanoseconds.reserve(static_cast<size_t>(options.calls));
        contender.outside.reserve(static_cast<size_t>(options.calls));
        for (int i = 0; i < 64; ++i) contender.call();
    }
    std::vector<Contender*> order;
    for (Contender& contender : contenders) order.push_back(&contender);
    for (int done = 0; done < options.calls; done += options.per_round) {
        for (Contender* contender : order) {
            contender->call();  // brings code and data back into the caches
            const int count = std::min(options.per_round, options.calls - done);
            for (int i = 0; i < count; ++i) {
                const int64_t before = inside(), start = now();
                contender->call();
                contender->nanoseconds.push_back(now() - start);
                contender->outside.push_back(contender->nanoseconds.back() - (inside() - before));
            }
        }
        std::rotate(order.begin(), order.begin() + 1, order.end());
        if (done / options.per_round % 2) std::reverse(order.begin(), order.end());
    }
}

void write_samples(const std::vector<Contender>& contenders, const std::string& path) {
    const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "wb"), std::fclose);
    if (!file) throw std::runtime_error("cannot write " + path);
    for (const auto part : {&Contender::nanoseconds, &Contender::outside}) {
        for (const Contender& contender : contenders) {
            const std::vector<int64_t>& values = contender.*part;
            if (std::fwrite(values.data(), sizeof values[0], values.size(), file.get()) !=
                values.size())
                throw std::runtime_error("cannot write " + path);
        }
    }
}

void run(const Options& options) {
    const Model model(options);
    Pixels pixels(model.input_bytes() * static_cast<size_t>(options.faces));
    uint32_t state = 1;  // any pixels; a linear congruential generator's upper bits
    for (uint8_t& pixel : pixels) {
        state = state * 1664525u + 1013904223u;
        pixel = static_cast<uint8_t>(state >> 24);
    }

    const BareLane backend(model, options.faces, pixels), control(model, options.faces, pixels);
    std::vector<BareLane> lanes;
    for (int i = 0; i <= options.depth; ++i) lanes.emplace_back(model, options.faces, pixels);
    size_t lane = 0;
    const auto next_lane = [&] {
        lane = (lane + 1) % lanes.size();
        lanes[lane].call();
    };
    OneStream single_stream(model, options, FACEDGE_MODE_INLINE, 0, pixels);
    OneStream inline_stream(model, options, FACEDGE_MODE_INLINE, options.depth, pixels);
    OneStream worker_stream(model, options, FACEDGE_MODE_WORKER, options.depth, pixels);
    std::vector<Contender> contenders = {
        {"backend", [&] { backend.call(); }, [&] { return backend.restored(); }, {}, {}},
        {"control", [&] { control.call(); }, [&] { return control.restored(); }, {}, {}},
        {"lanes", next_lane, [&] { return lanes[lane].restored(); }, {}, {}},
        {"single", [&] { single_stream.call(); }, [&] { return single_stream.restored(); }, {}, {}},
        {"inline", [&] { inline_stream.call(); }, [&] { return inline_stream.restored(); }, {}, {}},
        {"worker", [&] { worker_stream.call(); }, [&] { return worker_stream.restored(); }, {}, {}},
    };
    measure(contenders, options);
    const Pixels expected = contenders[0].restored();
    for (const Contender& contender : contenders)
        if (contender.restored() != expected)
            throw std::runtime_error(std::string(contender.name) + " gave other pixels");
    write_samples(contenders, options.samples);

    std::printf("{\"backend\": \"%s\", \"version\": \"%s\", \"model\": \"%s\", \"contenders\": [",
                model.info().backend, model.info().backend_version, model.info().name);
    for (const Contender& contender : contenders)
        std::printf("%s\"%s\"", &contender == &contenders[0] ? "" : ", ", contender.name);
    std::printf("]}\n");
}

}  // namespace

int main(int argc, char** argv) {
    try {
        run(parse(argc, argv));
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "native_overhead: %s\n", failure.what());
        return 1;
    }
    return 0;
}
