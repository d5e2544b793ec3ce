// A bundle that a back end has compiled: immutable, shared by every stream that plays it.
#pragma once

#include "bundle/bundle.hpp"
#include "plugins/plugin.hpp"

#include <memory>
#include <string>

namespace facedge {

// Sizes of one face's input and output, and which tensor is which; -1: the model has none such.
struct Network {
    int32_t width = 0, height = 0;                // of the input picture
    int32_t output_width = 0, output_height = 0;  // of the restored picture, 0 without
    size_t state_floats = 0;                      // of the hidden state
    int32_t images = 0, state_in = -1;            // inputs
    int32_t restored = -1, probabilities = -1, landmarks = -1, state_out = -1;  // outputs

    size_t input_bytes() const { return size_t{3} * width * height; }
    size_t output_bytes() const { return size_t{3} * output_width * output_height; }
};

class Model {
public:
    // Reads and checks the bundle and loads it into the back end asked for, or the best one.
    static Status open(const std::string& folder, const facedge_model_settings& settings,
                       std::shared_ptr<const Model>& out);

    const Manifest& manifest() const { return manifest_; }
    const Artifact& artifact() const { return artifact_; }
    const Engine& engine() const { return *engine_; }
    const Network& network() const { return network_; }
    facedge_task task() const;

private:
    Manifest manifest_;
    Artifact artifact_;
    std::unique_ptr<Engine> engine_;
    Network network_;
};

}  // namespace facedge

// What the C interface hands out: one share of a model.
struct facedge_model {
    std::shared_ptr<const facedge::Model> model;
};
