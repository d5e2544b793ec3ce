#include "nvinfer_standin.hpp"

#include "cuda_standin.hpp"
#include "nvinfer_plan.hpp"
#include "nvinfer_unused.hpp"

#include <atomic>
#include <cstring>
#include <dlfcn.h>
#include <map>
#include <memory>
#include <mutex>
#include <set>

namespace standin {
namespace {

Cuda& cuda() {
    static Cuda& found = []() -> Cuda& {
        void* library = dlopen(std::getenv("FACEDGE_CUDA_DRIVER"), RTLD_NOW | RTLD_LOCAL);
        if (!library) std::abort();
        return *reinterpret_cast<CudaFunction>(dlsym(library, "standin_cuda"))();
    }();
    return found;
}

class Control final : public NvInfer {
public:
    void reset(int wanted) override {
        version = wanted ? wanted : NV_TENSORRT_VERSION;
        until_failure_ = 0;
        enqueue_count = 0;
    }
    void fail_call(int n) override { until_failure_ = n; }
    bool failure_pending() const override { return until_failure_ > 0; }
    int live() const override { return objects; }
    int enqueues() const override { return enqueue_count; }
    int loggers() const override { return static_cast<int>(seen.size()); }

    // Whether the call that asks has to fail.
    bool fails() {
        if (until_failure_ <= 0 || --until_failure_ > 0) return false;
        complain("the stand-in fails on demand");
        return true;
    }
    void complain(const char* text) {
        if (ILogger* out = logger) out->log(ILogger::Severity::kERROR, text);
    }

    std::atomic<int> version{NV_TENSORRT_VERSION}, objects{0}, enqueue_count{0};
    std::atomic<ILogger*> logger{nullptr};
    std::set<ILogger*> seen;

private:
    std::atomic<int> until_failure_{0};
};

Control& control() {
    static Control& only = *new Control;
    return only;
}

// Counts an object while it exists.
struct Counted {
    Counted() { ++control().objects; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ~Counted() { --control().objects; }
};

class Context final : public UnusedContext {
public:
    explicit Context(std::shared_ptr<const Plan> plan) : plan_(std::move(plan)) { mImpl = this; }

    IExecutionContext* getPImpl() noexcept { return this; }

    bool setInputShape(char const* name, Dims const& dims) noexcept {
        const Cuda::Inside inside(cuda());
        const PlanTensor* tensor = plan_->find(name);
        if (control().fails() || !tensor || !tensor->input) return false;
        bool same = dims.nbDims == static_cast<int32_t>(tensor->sizes.size()) + 1;
        for (int32_t i = 1; same && i < dims.nbDims; ++i)
            same = dims.d[i] == tensor->sizes[static_cast<size_t>(i) - 1];
        if (!same || dims.d[0] < 1 || dims.d[0] > plan_->max_batch) {
            control().complain("the shape is outside of the profile");
            return false;
        }
        rows_ = dims.d[0];
        shaped_.insert(name);
        settled_ = false;
        return true;
    }

    Dims getTensorShape(char const* name) const noexcept {
        const Cuda::Inside inside(cuda());
        const PlanTensor* tensor = plan_->find(name);
        Dims dims{};
        if (!tensor) return dims;
        dims.d[dims.nbDims++] = rows_;
        for (int64_t size : tensor->sizes) dims.d[dims.nbDims++] = size;
        return dims;
    }

    bool setTensorAddress(char const* name, void* data) noexcept {
        const Cuda::Inside inside(cuda());
        const auto address = reinterpret_cast<CUdeviceptr>(data);
        if (control().fails() || !plan_->find(name)) return false;
        if (address % 256 != 0) {
            cuda().violate("an address that is no multiple of 256");
            return false;
        }
        addresses_[name] = address;
        return true;
    }

    bool setInputConsumedEvent(cudaEvent_t event) noexcept {
        consumed_ = event;
        return !control().fails();
    }

    size_t updateDeviceMemorySizeForShapes() noexcept {
        if (control().fails()) return 0;
        return static_cast<size_t>(rows_ * plan_->scratch);
    }

    void setDeviceMemoryV2(void* memory, int64_t size) noexcept {
        scratch_ = reinterpret_cast<CUdeviceptr>(memory);
        scratch_bytes_ = size;
        settled_ = false;
        if (scratch_ % 256 != 0) cuda().violate("scratch memory that is no multiple of 256");
    }

    bool enqueueV3(cudaStream_t stream) noexcept {
        const Cuda::Inside inside(cuda());
        if (control().fails() || !check(stream)) return false;
        const bool recorded = cuda().capturing(stream);
        if (recorded && (!settled_ || !plan_->capturable)) cuda().spoil_capture(stream);
        if (!recorded) {
            settled_ = true;
            ++control().enqueue_count;
        }
        queue(stream);
        return true;
    }

private:
    // What has to be set before a context can run.
    bool check(cudaStream_t stream) const {
        const char* missing = nullptr;
        if (!stream) missing = "a stream other than the default one";
        if (addresses_.size() != plan_->tensors.size()) missing = "an address";
        for (const PlanTensor& tensor : plan_->tensors)
            if (tensor.input && !shaped_.count(tensor.name)) missing = "a shape";
        if (scratch_bytes_ < rows_ * plan_->scratch) missing = "scratch memory";
        if (missing) cuda().violate(std::string("an enqueue without ") + missing);
        return !missing;
    }

    // Reads the inputs, says so, then computes: as a device does, from what is set now.
    void queue(cudaStream_t stream) {
        auto inputs = std::make_shared<std::vector<std::vector<unsigned char>>>();
        const auto plan = plan_;
        const auto addresses = addresses_;
        const auto rows = rows_;
        const std::weak_ptr<int> alive = alive_;
        cuda().submit(stream, [=] {
            if (alive.expired()) return cuda().violate("a context is gone before its work is done");
            inputs->clear();
            for (const PlanTensor& tensor : plan->tensors) {
                inputs->emplace_back(static_cast<size_t>(rows) * tensor.row_bytes());
                std::vector<unsigned char>& copy = inputs->back();
                const unsigned char* from = cuda().memory(addresses.at(tensor.name), copy.size());
                if (from && tensor.input) std::memcpy(copy.data(), from, copy.size());
            }
        });
        if (consumed_) cuda().record(stream, consumed_);
        const CUdeviceptr scratch = scratch_;
        cuda().submit(stream, [=] {
            std::vector<unsigned char*> tensors;
            for (size_t i = 0; i < inputs->size(); ++i) {
                const PlanTensor& tensor = plan->tensors[i];
                tensors.push_back(
                    tensor.input ? (*inputs)[i].data()
                                 : cuda().memory(addresses.at(tensor.name), (*inputs)[i].size()));
                if (!tensors.back()) return;
            }
            const auto needed = static_cast<size_t>(rows * plan->scratch);
            unsigned char* block = needed ? cuda().memory(scratch, needed) : nullptr;
            if (block) std::memset(block, 0x5A, needed);
            if (!tensors.empty()) compute(*plan, rows, tensors);
        });
    }

    const Counted counted_;
    const std::shared_ptr<const Plan> plan_;
    const std::shared_ptr<int> alive_ = std::make_shared<int>(0);
    std::set<std::string> shaped_;
    std::map<std::string, CUdeviceptr> addresses_;
    int64_t rows_ = 0, scratch_bytes_ = 0;
    CUdeviceptr scratch_ = 0;
    cudaEvent_t consumed_ = nullptr;
    bool settled_ = false;
};

class Engine final : public UnusedEngine {
public:
    explicit Engine(Plan plan) : plan_(std::make_shared<const Plan>(std::move(plan))) {
        mImpl = this;
    }

    ICudaEngine* getPImpl() noexcept { return this; }
    int32_t getNbIOTensors() const noexcept { return static_cast<int32_t>(plan_->tensors.size()); }
    char const* getIOTensorName(int32_t index) const noexcept {
        return plan_->tensors[static_cast<size_t>(index)].name.c_str();
    }
    DataType getTensorDataType(char const* name) const noexcept {
        return plan_->find(name)->pictures ? DataType::kUINT8 : DataType::kFLOAT;
    }
    TensorIOMode getTensorIOMode(char const* name) const noexcept {
        return plan_->find(name)->input ? TensorIOMode::kINPUT : TensorIOMode::kOUTPUT;
    }
    Dims getTensorShape(char const* name) const noexcept {
        Dims dims{};
        dims.d[dims.nbDims++] = -1;
        for (int64_t size : plan_->find(name)->sizes) dims.d[dims.nbDims++] = size;
        return dims;
    }
    int64_t getDeviceMemorySizeForProfileV2(int32_t) const noexcept {
        return plan_->max_batch * plan_->scratch;
    }
    IExecutionContext*
    createExecutionContext(ExecutionContextAllocationStrategy strategy) noexcept {
        const Cuda::Inside inside(cuda());
        if (control().fails()) return nullptr;
        if (strategy != ExecutionContextAllocationStrategy::kUSER_MANAGED)
            cuda().violate("a context with scratch memory of its own");
        return new Context(plan_);
    }

private:
    const Counted counted_;
    const std::shared_ptr<const Plan> plan_;
};

class Runtime final : public UnusedRuntime {
public:
    Runtime() { mImpl = this; }
    IRuntime* getPImpl() noexcept { return this; }
    void setEngineHostCodeAllowed(bool allowed) noexcept { host_code_ = allowed; }

    ICudaEngine* deserializeCudaEngine(void const* blob, std::size_t size) noexcept {
        const Cuda::Inside inside(cuda());
        if (control().fails()) return nullptr;
        Plan plan;
        if (!parse_plan({static_cast<const char*>(blob), size}, plan)) {
            control().complain("Magic tag does not match");
            return nullptr;
        }
        if (plan.host_code && !host_code_) {
            control().complain("the plan has host code, which is not allowed");
            return nullptr;
        }
        return new Engine(std::move(plan));
    }
#if NV_TENSORRT_MAJOR == 10
    ICudaEngine* deserializeCudaEngine(IStreamReader&) noexcept { unused("IStreamReader"); }
#endif

private:
    const Counted counted_;
    bool host_code_ = false;
};

}  // namespace

NvInfer* standin_nvinfer() { return &control(); }

}  // namespace standin

#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED int32_t getInferLibVersion() noexcept { return standin::control().version; }

EXPORTED void* createInferRuntime_INTERNAL(void* logger, int32_t version) noexcept {
    using namespace standin;
    const Cuda::Inside inside(cuda());
    control().logger = static_cast<ILogger*>(logger);
    control().seen.insert(control().logger);
    if (control().fails() || version != control().version) return nullptr;
    return static_cast<IRuntime*>(new Runtime);
}
