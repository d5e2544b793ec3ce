#include "cropper.hpp"

#include <chrono>

namespace facedge::check {
namespace {

constexpr size_t kAlignment = 64;  // of crop()'s scratch

class CpuCropper : public Cropper {
public:
    std::string name() const override { return "processor"; }

    void load(const Sample& sample) override {
        sample_ = &sample;
        scratch_.resize(crop_scratch_bytes(sample.width, sample.height) + kAlignment);
    }

    double run(Crops& out) override {
        using Clock = std::chrono::steady_clock;
        const size_t bytes = size_t{3} * sample_->width * sample_->height;
        out.resize(bytes * sample_->faces.size());
        uint8_t* scratch = scratch_.data() +
                           (kAlignment - reinterpret_cast<uintptr_t>(scratch_.data()) % kAlignment);
        const FrameView view = sample_->view();
        const Clock::time_point start = Clock::now();
        for (size_t i = 0; i < sample_->faces.size(); ++i) {
            crop(view, sample_->faces[i], sample_->filter, sample_->width, sample_->height,
                 out.data() + i * bytes, scratch);
        }
        return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
    }

private:
    const Sample* sample_ = nullptr;
    std::vector<uint8_t> scratch_;
};

}  // namespace

std::unique_ptr<Cropper> make_cpu_cropper() { return std::make_unique<CpuCropper>(); }

}  // namespace facedge::check
