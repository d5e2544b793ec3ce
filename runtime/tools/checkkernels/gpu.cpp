#include "gpu.hpp"

#ifdef FACEDGE_HAS_KERNELS

#include "cuda/stream.hpp"

#include <crop_kernel.h>
#include <fatbin.h>

#include <algorithm>

namespace facedge::checkkernels {
namespace {

// A frame in device memory.
struct Uploaded {
    cuda::DeviceMemory planes[2];
    facedge_frame frame;
};

class CudaGpu : public Gpu {
public:
    explicit CudaGpu(int device)
        : context_(cuda::Context::retain(device)), current_(*context_), stream_(context_),
          kernel_(context_, facedge_crop_fatbin, "facedge_crop") {}

    std::string name() const override {
        const cuda::DeviceFacts& facts = context_->facts();
        return std::string(facts.name) + " (sm_" + std::to_string(facts.major) +
               std::to_string(facts.minor) + ")";
    }

    std::vector<uint8_t> cropped(const Case& one) override {
        const Uploaded uploaded = upload(one.frame);
        const facedge_crop_job job =
            job_of(uploaded, &one.to_frame, 1, one.filter, one.width, one.height);
        std::vector<uint8_t> rgb(size_t{3} * static_cast<size_t>(one.width) *
                                 static_cast<size_t>(one.height));
        const cuda::DeviceMemory crops(context_, rgb.size());
        const cuda::HostMemory staging(context_, rgb.size(), cuda::Mapping::kNone);
        launch(job, crops.address());
        stream_.to_host(staging.data(), crops.address(), rgb.size());
        stream_.synchronize();
        std::copy_n(staging.data(), rgb.size(), rgb.data());
        return rgb;
    }

    double milliseconds(const OwnedFrame& frame, const std::vector<Similarity>& places,
                        facedge_filter filter, int width, int height, int times) override {
        const Uploaded uploaded = upload(frame);
        const facedge_crop_job job =
            job_of(uploaded, places.data(), places.size(), filter, width, height);
        const cuda::DeviceMemory crops(context_, size_t{3} * static_cast<size_t>(width) *
                                                     static_cast<size_t>(height) * places.size());
        const cuda::Event before(context_, cuda::Event::Timing::kOn);
        const cuda::Event after(context_, cuda::Event::Timing::kOn);
        std::vector<double> taken;
        for (int i = 0; i < times; ++i) {
            stream_.record(before);
            launch(job, crops.address());
            stream_.record(after);
            after.wait();
            taken.push_back(static_cast<double>(after.milliseconds_since(before)));
        }
        std::sort(taken.begin(), taken.end());
        return taken[taken.size() / 2];
    }

private:
    Uploaded upload(const OwnedFrame& frame) const {
        Uploaded uploaded;
        uploaded.frame = frame.description();
        uploaded.frame.memory = FACEDGE_MEMORY_CUDA;
        for (int i = 0; i < plane_count(uploaded.frame.format); ++i) {
            const std::vector<uint8_t>& plane = frame.plane(i);
            uploaded.planes[i] = cuda::DeviceMemory(context_, plane.size());
            const CUdeviceptr address = uploaded.planes[i].address();
            const cuda::HostMemory staging(context_, plane.size(), cuda::Mapping::kNone);
            std::copy(plane.begin(), plane.end(), staging.data());
            stream_.to_device(address, staging.data(), plane.size());
            stream_.synchronize();
            uploaded.frame.planes[i].data = reinterpret_cast<const uint8_t*>(address);
        }
        return uploaded;
    }

    static facedge_crop_job job_of(const Uploaded& uploaded, const Similarity* places, size_t count,
                                   facedge_filter filter, int width, int height) {
        facedge_crop_job job = {};
        job.size = sizeof job;
        job.count = static_cast<int32_t>(count);
        job.frame = &uploaded.frame;
        job.to_frame = &places->m;
        job.width = width;
        job.height = height;
        job.filter = filter;
        return job;
    }

    void launch(const facedge_crop_job& job, CUdeviceptr crops) const {
        for (int32_t first = 0; first < job.count; first += kCropFaces) {
            const FacedgeCrop parameters = crop_launch(job, first, crops);
            const CropGrid grid = crop_grid(parameters);
            kernel_.launch(stream_, grid.x, grid.y, kCropBlock, &parameters);
        }
    }

    cuda::SharedContext context_;
    cuda::Current current_;
    cuda::Stream stream_;
    cuda::Kernel kernel_;
};

}  // namespace

std::unique_ptr<Gpu> open_gpu(int device, std::string& why) {
    try {
        return std::make_unique<CudaGpu>(device);
    } catch (const cuda::Failure& failure) {
        why = failure.what();
        return nullptr;
    }
}

}  // namespace facedge::checkkernels

#else

namespace facedge::checkkernels {

std::unique_ptr<Gpu> open_gpu(int, std::string& why) {
    why = "this program was built without the CUDA kernels; build it with nvcc and FACEDGE_CUDA=ON";
    return nullptr;
}

}  // namespace facedge::checkkernels

#endif
