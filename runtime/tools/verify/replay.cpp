#include "replay.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace facedge::verify {
namespace {

constexpr size_t kFewestCalls = 20, kMostCalls = 2000;
constexpr double kEnoughMs = 500;

}  // namespace

Status Replay::open(const Engine& engine, const Bundle& bundle, int32_t max_batch,
                    const Golden& golden, std::unique_ptr<Replay>& out) {
    std::unique_ptr<Replay> replay(new Replay(bundle, golden));
    const auto count = static_cast<int32_t>(golden.count);
    const int32_t whole = max_batch > 0 ? std::min(count, max_batch) : count;
    replay->batches_ = whole > 1 ? std::vector<int32_t>{1, whole} : std::vector<int32_t>{1};
    Status status = Lane::open(engine, replay->batches_, nullptr, replay->lane_);
    if (status) out = std::move(replay);
    return status;
}

void Replay::fill(size_t start, int32_t batch) {
    const std::vector<TensorSpec>& specs = bundle_.manifest().inputs;
    for (size_t tensor = 0; tensor < specs.size(); ++tensor) {
        const size_t bytes = specs[tensor].bytes();
        auto to = static_cast<uint8_t*>(lane_->buffers().inputs[tensor]);
        for (size_t row = 0; row < static_cast<size_t>(batch); ++row) {
            const size_t from = (start + row) % golden_.count;
            std::memcpy(to + row * bytes, &golden_.inputs[tensor].data[from * bytes], bytes);
        }
    }
}

Status Replay::run(int32_t batch) {
    facedge_error error = {};
    const facedge_backend_table& table = lane_->table();
    int code = table.enqueue(lane_->get(), batch == 1 ? 0 : 1, &error);
    if (code == FACEDGE_OK) code = table.wait(lane_->get(), &error);
    return code == FACEDGE_OK ? Status() : Status(backend_code(code), backend_text(error));
}

Status Replay::play(int32_t batch, std::vector<std::vector<uint8_t>>& outputs) {
    const std::vector<TensorSpec>& specs = bundle_.manifest().outputs;
    outputs.assign(specs.size(), {});
    for (size_t start = 0; start < golden_.count; start += static_cast<size_t>(batch)) {
        fill(start, batch);
        if (Status status = run(batch); !status) return status;
        const size_t rows = std::min(static_cast<size_t>(batch), golden_.count - start);
        for (size_t tensor = 0; tensor < specs.size(); ++tensor) {
            const auto from = static_cast<const uint8_t*>(lane_->buffers().outputs[tensor]);
            const uint8_t* end = from + rows * specs[tensor].bytes();
            outputs[tensor].insert(outputs[tensor].end(), from, end);
        }
    }
    return {};
}

Status Replay::time_one(double& median_ms, size_t& calls) {
    using Clock = std::chrono::steady_clock;
    std::vector<double> times;
    double total = 0;
    fill(0, 1);
    while (times.size() < kMostCalls && (times.size() < kFewestCalls || total < kEnoughMs)) {
        const Clock::time_point begin = Clock::now();
        if (Status status = run(1); !status) return status;
        times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
        total += times.back();
    }
    const auto middle = times.begin() + static_cast<ptrdiff_t>(times.size() / 2);
    std::nth_element(times.begin(), middle, times.end());
    median_ms = *middle;
    calls = times.size();
    return {};
}

}  // namespace facedge::verify
