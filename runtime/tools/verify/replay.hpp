// Golden vectors through one opened artifact.
#pragma once

#include "golden.hpp"
#include "plugins/plugin.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace facedge::verify {

class Replay {
public:
    // A lane for one picture and for all of them, or as many as the artifact takes.
    static Status open(const Engine& engine, const Bundle& bundle, int32_t max_batch,
                       const Golden& golden, std::unique_ptr<Replay>& out);

    int32_t whole() const { return batches_.back(); }

    // All pictures in calls of `batch`, 1 or whole(); the last call is filled up with repeats.
    //   outputs  in the manifest's order, as long as the golden ones
    Status play(int32_t batch, std::vector<std::vector<uint8_t>>& outputs);

    // Median time of one picture in milliseconds, over half a second of calls but at least 20.
    Status time_one(double& median_ms, size_t& calls);

private:
    Replay(const Bundle& bundle, const Golden& golden) : bundle_(bundle), golden_(golden) {}
    void fill(size_t start, int32_t batch);
    Status run(int32_t batch);

    const Bundle& bundle_;
    const Golden& golden_;
    std::vector<int32_t> batches_;  // ascending
    std::unique_ptr<Lane> lane_;
};

}  // namespace facedge::verify
