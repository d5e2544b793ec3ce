// What is checked: something that makes all crops of a sample.
#pragma once

#include "sample.hpp"

#include <memory>
#include <string>
#include <vector>

namespace facedge::check {

// Crops of every face, uint8 [faces, height, width, 3].
using Crops = std::vector<uint8_t>;

class Cropper {
public:
    virtual ~Cropper() = default;
    virtual std::string name() const = 0;
    // Brings the frame to where it is read. `sample` stays until the next load.
    virtual void load(const Sample& sample) = 0;
    // Makes the crops of the loaded sample; returns the microseconds that took.
    virtual double run(Crops& out) = 0;
};

// crop() of this library.
std::unique_ptr<Cropper> make_cpu_cropper();

// The CUDA kernel on GPU 0; null, and why, where there is none.
std::unique_ptr<Cropper> make_gpu_cropper(std::string& why_not);

}  // namespace facedge::check
