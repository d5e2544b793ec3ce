// What a stream costs over the back end's own call, in microseconds:
//
//     stream_overhead [BUNDLE [BACKEND [PLUGIN_DIR]]]
//
// Two ways of playing the same faces alternate in short rounds: the back end's enqueue and wait
// alone, on a lane whose input lies ready, and facedge_submit_faces with facedge_poll in
// FACEDGE_MODE_INLINE. Prints; judges nothing. Without arguments the fake back end is measured,
// whose own work is next to nothing.
#include "plugins/fake_bundle.hpp"
#include "stream/model.hpp"

#include <facedge/facedge.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Times = std::vector<double>;

[[noreturn]] void die(const char* what) {
    std::fprintf(stderr, "%s: %s\n", what, facedge_last_error());
    std::exit(1);
}

double since(Clock::time_point start) {
    return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

double percentile(Times times, double percent) {
    const auto at = static_cast<ptrdiff_t>(static_cast<double>(times.size() - 1) * percent / 100);
    std::nth_element(times.begin(), times.begin() + at, times.end());
    return times[static_cast<size_t>(at)];
}

void run_bare(const facedge::Lane& lane, Times& times) {
    facedge_error error = {};
    const Clock::time_point start = Clock::now();
    if (lane.table().enqueue(lane.get(), 0, &error) || lane.table().wait(lane.get(), &error))
        die(error.text);
    times.push_back(since(start));
}

void run_stream(facedge_stream* stream, const facedge_faces& faces, Times& times) {
    facedge_result result = {};
    result.struct_size = sizeof result;
    const Clock::time_point start = Clock::now();
    if (facedge_submit_faces(stream, &faces) || facedge_poll(stream, &result)) die("stream");
    times.push_back(since(start));
    if (result.status) die(result.message);
}

}  // namespace

int main(int argc, char** argv) {
    const fake::TemporaryFolder folder;
    std::string bundle = folder / "bundle";
    if (argc > 1) bundle = argv[1];
    else fake::write_bundle(bundle, fake::super_resolution("", 2));
    facedge_model_settings model_settings;
    facedge_model_settings_default(&model_settings);
    if (argc > 2) model_settings.backend = argv[2];
    model_settings.plugin_dir = argc > 3 ? argv[3] : argc > 1 ? nullptr : FAKE_PLUGIN_DIR;
    facedge_model* model = nullptr;
    if (facedge_model_open(&model, bundle.c_str(), &model_settings)) die("facedge_model_open");

    for (int32_t count : {1, 4}) {
        facedge_stream_settings settings;
        facedge_stream_settings_default(&settings);
        (model->model->task() == FACEDGE_TASK_SR ? settings.sr : settings.au) = model;
        settings.mode = FACEDGE_MODE_INLINE;
        settings.max_faces = count;
        facedge_stream* stream = nullptr;
        if (facedge_stream_open(&stream, &settings)) die("facedge_stream_open");
        std::unique_ptr<facedge::Lane> lane;
        if (!facedge::Lane::open(model->model->engine(), {count}, nullptr, lane)) die("lane");
        const facedge::Network& network = model->model->network();
        const size_t rows = static_cast<size_t>(count);
        const std::vector<uint8_t> pixels(rows * network.input_bytes(), 100);
        std::copy(pixels.begin(), pixels.end(), static_cast<uint8_t*>(lane->buffers().inputs[0]));
        if (network.state_in >= 0) {
            std::fill_n(static_cast<float*>(lane->buffers().inputs[network.state_in]),
                        rows * network.state_floats, 0.0f);
        }
        facedge_faces faces;
        facedge_faces_default(&faces);
        faces.pixels = pixels.data();
        faces.count = rows;
        faces.width = network.width;
        faces.height = network.height;

        Times bare, whole;
        const Clock::time_point begin = Clock::now();
        // At least 1,024 of each and 2 seconds, in rounds of 16.
        while (bare.size() < 1024 || since(begin) < 2e6) {
            for (int i = 0; i < 16; ++i) run_bare(*lane, bare);
            for (int i = 0; i < 16; ++i) run_stream(stream, faces, whole);
        }
        std::printf("%d face%s: bare p50 %.2f p99 %.2f, stream p50 %.2f p99 %.2f, "
                    "difference p50 %.2f p99 %.2f us (%zu of each)\n",
                    count, count == 1 ? "" : "s", percentile(bare, 50), percentile(bare, 99),
                    percentile(whole, 50), percentile(whole, 99),
                    percentile(whole, 50) - percentile(bare, 50),
                    percentile(whole, 99) - percentile(bare, 99), bare.size());
        lane.reset();
        facedge_stream_close(&stream);
    }
    facedge_model_close(&model);
}
