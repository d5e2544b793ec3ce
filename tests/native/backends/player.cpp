// Plays one graph through a back end plug-in as libfacedge would, for tests/native/test_backends.py.
//
//     backend_player PLUGIN CASE [--library FILE] [--threads N] [--max-batch N]
//                    [--batches 1,2,4] [--lanes N] [--rounds N] [--env NAME] [--recover 1]
//
// Each lane is opened and used by a thread of its own, all at once; every batch takes the first
// rows of the inputs. With --recover, inputs that the back end refused are zeroed and played again.
// Prints "available VERSION", "env NAME=VALUE", "played LANES x BATCHES", or
// "error FUNCTION CODE TEXT" with exit status 3; log messages go to standard output as "log TEXT".
// Writes CASE/<output>.b<batch>.lane<n>.raw.
#include "case.hpp"

#include <dlfcn.h>

#include <atomic>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Options {
    std::string plugin, folder;
    std::map<std::string, std::string> values;

    const char* text(const std::string& name) const {
        const auto found = values.find(name);
        return found == values.end() ? nullptr : found->second.c_str();
    }
    int number(const std::string& name, int otherwise) const {
        const char* value = text(name);
        return value ? std::atoi(value) : otherwise;
    }
    std::vector<int32_t> batches() const {
        const char* list = text("--batches");
        std::istringstream words(list ? list : "1");
        std::vector<int32_t> numbers;
        for (std::string word; std::getline(words, word, ',');)
            numbers.push_back(std::atoi(word.c_str()));
        return numbers;
    }
};

// What a function of the table refused.
struct Refused : std::runtime_error {
    Refused(const char* function, int code, const facedge_error& error)
        : std::runtime_error(std::string("error ") + function + " " + std::to_string(code) + " " +
                             error.text) {}
};

struct Opened {
    const facedge_backend_table* table = nullptr;
    facedge_engine* engine = nullptr;
};

class OneLane {
public:
    OneLane(const Opened& opened, const Case& graph, const std::vector<int32_t>& batches, int index)
        : table_(*opened.table), graph_(graph), batches_(batches), index_(index) {
        facedge_lane_settings settings = {};
        settings.size = sizeof settings;
        settings.n_batches = static_cast<int32_t>(batches.size());
        settings.batches = batches.data();
        facedge_error error = {};
        const int code = table_.lane_open(opened.engine, &settings, &buffers_, &lane_, &error);
        if (code != FACEDGE_OK) throw Refused("lane_open", code, error);
        check_alignment();
    }
    OneLane(const OneLane&) = delete;
    OneLane& operator=(const OneLane&) = delete;
    ~OneLane() { table_.lane_close(lane_); }

    // Plays the first batch on zeros, as after a failure.
    void recover() {
        for (size_t i = 0; i < graph_.inputs.size(); ++i)
            std::memset(buffers_.inputs[i], 0, graph_.inputs[i].row_bytes());
        run(0);
    }

    // Plays every batch `rounds` times, forwards and backwards, and expects the same bits each time.
    void play(int rounds) {
        std::vector<std::vector<std::string>> first(batches_.size());
        const int count = static_cast<int>(batches_.size());
        for (int round = 0; round < rounds; ++round) {
            for (int step = 0; step < count; ++step) {
                const int at = round % 2 ? count - 1 - step : step;
                std::vector<std::string> found = play_batch(at);
                auto& expected = first[static_cast<size_t>(at)];
                if (round == 0) {
                    expected = std::move(found);
                    save(at, expected);
                } else if (found != expected) {
                    throw std::runtime_error("round " + std::to_string(round) + " gave other bits");
                }
            }
        }
    }

private:
    void check_alignment() const {
        for (size_t i = 0; i < graph_.inputs.size(); ++i) check_address(buffers_.inputs[i]);
        for (size_t i = 0; i < graph_.outputs.size(); ++i) check_address(buffers_.outputs[i]);
    }
    static void check_address(const void* address) {
        if (!address || reinterpret_cast<uintptr_t>(address) % 256)
            throw std::runtime_error("a buffer is not on a multiple of 256 bytes");
    }

    std::vector<std::string> play_batch(int at) {
        const size_t batch = static_cast<size_t>(batches_[static_cast<size_t>(at)]);
        for (size_t i = 0; i < graph_.inputs.size(); ++i) {
            const CaseTensor& tensor = graph_.inputs[i];
            const std::vector<char> data = read_file(graph_.folder + "/" + tensor.name + ".raw");
            if (data.size() < batch * tensor.row_bytes())
                throw std::runtime_error("the case has too few rows");
            std::memcpy(buffers_.inputs[i], data.data(), batch * tensor.row_bytes());
        }
        run(at);
        std::vector<std::string> outputs;
        for (size_t i = 0; i < graph_.outputs.size(); ++i)
            outputs.emplace_back(static_cast<const char*>(buffers_.outputs[i]),
                                 batch * graph_.outputs[i].row_bytes());
        return outputs;
    }

    void run(int at) {
        facedge_error error = {};
        int code = table_.enqueue(lane_, at, &error);
        if (code != FACEDGE_OK) throw Refused("enqueue", code, error);
        code = table_.wait(lane_, &error);
        if (code != FACEDGE_OK) throw Refused("wait", code, error);
    }

    void save(int at, const std::vector<std::string>& outputs) const {
        for (size_t i = 0; i < outputs.size(); ++i)
            write_file(graph_.folder + "/" + graph_.outputs[i].name + ".b" +
                           std::to_string(batches_[static_cast<size_t>(at)]) + ".lane" +
                           std::to_string(index_) + ".raw",
                       outputs[i].data(), outputs[i].size());
    }

    const facedge_backend_table& table_;
    const Case& graph_;
    const std::vector<int32_t> batches_;
    const int index_;
    facedge_lane_buffers buffers_ = {};
    facedge_lane* lane_ = nullptr;
};

void log_line(facedge_log_level, const char* text) { std::printf("log %s\n", text); }

const facedge_backend_host host = {sizeof(facedge_backend_host), log_line};

const facedge_backend_table* load_table(const std::string& plugin) {
    void* handle = dlopen(plugin.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) throw std::runtime_error(dlerror());
    const auto entry = reinterpret_cast<facedge_backend_function>(dlsym(handle, "facedge_backend"));
    if (!entry) throw std::runtime_error("the plug-in has no facedge_backend");
    if (entry(FACEDGE_BACKEND_ABI + 1)) throw std::runtime_error("the plug-in serves any host");
    return entry(FACEDGE_BACKEND_ABI);
}

facedge_engine* open_engine(const facedge_backend_table& table, const Case& graph,
                            const Options& options) {
    const auto inputs = describe(graph.inputs), outputs = describe(graph.outputs);
    const std::string path = graph.folder + "/model.onnx";
    // Handed over in a block of its exact size that is gone afterwards, so that a checker sees a
    // plug-in that reads beyond or keeps it.
    const std::vector<char> data = graph.onnx;
    facedge_artifact artifact = {};
    artifact.size = sizeof artifact;
    artifact.max_batch = options.number("--max-batch", 0);
    artifact.path = path.c_str();
    artifact.rebuild = artifact.version = artifact.device = "";
    artifact.data = data.data();
    artifact.bytes = data.size();
    artifact.inputs = inputs.data(), artifact.n_inputs = static_cast<int32_t>(inputs.size());
    artifact.outputs = outputs.data(), artifact.n_outputs = static_cast<int32_t>(outputs.size());
    facedge_engine_settings settings = {};
    settings.size = sizeof settings;
    settings.threads = options.number("--threads", 0);
    settings.library = options.text("--library");
    facedge_engine* engine = nullptr;
    facedge_error error = {};
    const int code = table.engine_open(&host, &artifact, &settings, &engine, &error);
    if (code != FACEDGE_OK) throw Refused("engine_open", code, error);
    return engine;
}

// Opens and plays every lane on a thread of its own; the first thing that goes wrong is thrown.
void play_lanes(const Opened& opened, const Case& graph, const Options& options) {
    const std::vector<int32_t> batches = options.batches();
    const int lanes = options.number("--lanes", 1), rounds = options.number("--rounds", 1);
    std::mutex mutex;
    std::string trouble;
    std::vector<std::thread> threads;
    for (int i = 0; i < lanes; ++i) {
        threads.emplace_back([&, i] {
            try {
                OneLane lane(opened, graph, batches, i);
                try {
                    lane.play(rounds);
                } catch (const Refused&) {
                    if (options.text("--recover")) {
                        lane.recover();
                        std::printf("recovered\n");
                    }
                    throw;
                }
            } catch (const std::exception& failure) {
                const std::lock_guard<std::mutex> lock(mutex);
                trouble = failure.what();
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    if (!trouble.empty()) throw std::runtime_error(trouble);
    std::printf("played %d x %zu\n", lanes, batches.size());
}

void run(const Options& options) {
    Opened opened;
    opened.table = load_table(options.plugin);
    char version[64] = "";
    facedge_error error = {};
    const int code =
        opened.table->available(&host, options.text("--library"), version, sizeof version, &error);
    if (code != FACEDGE_OK) throw Refused("available", code, error);
    std::printf("available %s\n", version);
    if (const char* name = options.text("--env")) {
        const char* value = std::getenv(name);
        std::printf("env %s=%s\n", name, value ? value : "");
    }
    const Case graph = Case::read(options.folder);
    opened.engine = open_engine(*opened.table, graph, options);
    try {
        play_lanes(opened, graph, options);
    } catch (...) {
        opened.table->engine_close(opened.engine);
        throw;
    }
    opened.table->engine_close(opened.engine);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3 || argc % 2 == 0) {
        std::fprintf(stderr, "usage: %s PLUGIN CASE [--option VALUE]...\n", argv[0]);
        return 2;
    }
    Options options;
    options.plugin = argv[1];
    options.folder = argv[2];
    for (int i = 3; i + 1 < argc; i += 2) options.values[argv[i]] = argv[i + 1];
    try {
        run(options);
    } catch (const std::exception& failure) {
        std::printf("%s\n", failure.what());
        return 3;
    }
    return 0;
}
