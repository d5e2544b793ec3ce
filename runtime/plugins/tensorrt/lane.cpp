#include "lane.hpp"

#include "../common/lane_memory.hpp"
#include "logger.hpp"

#include <algorithm>
#include <utility>

using namespace facedge;
using namespace facedge::tensorrt;
using cuda::Failure;
using plugin::Tensor;

namespace {

nvinfer1::Dims dims_of(const Tensor& tensor, int32_t rows) {
    const std::vector<int64_t> sizes = tensor.sized(rows);
    nvinfer1::Dims dims{};
    dims.nbDims = static_cast<int32_t>(sizes.size());
    std::copy(sizes.begin(), sizes.end(), dims.d);
    return dims;
}

std::string describe(const nvinfer1::Dims& dims) {
    std::string text;
    for (int32_t i = 0; i < dims.nbDims; ++i) text += (i ? ", " : "") + std::to_string(dims.d[i]);
    return "[" + text + "]";
}

bool equal(const nvinfer1::Dims& a, const nvinfer1::Dims& b) {
    return a.nbDims == b.nbDims && std::equal(a.d, a.d + a.nbDims, b.d);
}

void check(bool accepted, const std::string& refused) {
    if (!accepted)
        throw Failure(FACEDGE_EBACKEND, "TensorRT refuses " + refused + ": " + take_errors());
}

bool same_device(const facedge_lane* peer, const facedge_engine& engine) {
    return peer && peer->engine().context->handle() == engine.context->handle();
}

}  // namespace

std::unique_ptr<facedge_lane> facedge_lane::open(facedge_engine& engine,
                                                 const facedge_lane_settings& settings) {
    cuda::require(plugin::check_batches(settings, engine.max_batch, engine.path));
    take_errors();
    auto lane = std::make_unique<facedge_lane>(engine);
    lane->workspace_ = same_device(settings.peer, engine)
                           ? settings.peer->workspace_
                           : std::make_shared<Workspace>(engine.context);
    const int32_t most = settings.batches[settings.n_batches - 1];
    lane->inputs_ = IoMemory(engine.context, engine.inputs, most);
    lane->outputs_ = IoMemory(engine.context, engine.outputs, most);
    for (int32_t i = 0; i < settings.n_batches; ++i) lane->add_batch(settings.batches[i]);
    size_t scratch = 0;
    for (Batch& batch : lane->batches_) scratch = std::max(scratch, lane->scratch_bytes(batch));
    lane->workspace_->grow(scratch);
    lane->use_scratch();
    lane->prepare();
    lane->workspace_->join(*lane);
    return lane;
}

facedge_lane::facedge_lane(facedge_engine& owner)
    : engine_(owner), inputs_read_(owner.context), done_(owner.context), cropped_(owner.context) {}

facedge_lane::~facedge_lane() {
    const cuda::Current current(*engine_.context, std::nothrow);
    if (!workspace_) return;
    // What is under way still uses the buffers.
    finish_stream();
    workspace_->leave(*this);
    batches_.clear();
}

void facedge_lane::add_batch(int32_t rows) {
    Batch batch;
    batch.rows = rows;
    batch.context.reset(engine_.engine->createExecutionContext(
        nvinfer1::ExecutionContextAllocationStrategy::kUSER_MANAGED));
    if (!batch.context)
        throw Failure(FACEDGE_EBACKEND,
                      "tensorrt cannot make an execution context: " + take_errors());
    for (size_t i = 0; i < engine_.inputs.size(); ++i) {
        const Tensor& tensor = engine_.inputs[i];
        const nvinfer1::Dims dims = dims_of(tensor, rows);
        check(batch.context->setInputShape(tensor.name.c_str(), dims),
              "shape " + describe(dims) + " for " + tensor.name);
        check(batch.context->setTensorAddress(tensor.name.c_str(), inputs_.device(i)),
              "the address of " + tensor.name);
    }
    for (size_t i = 0; i < engine_.outputs.size(); ++i) {
        const Tensor& tensor = engine_.outputs[i];
        const nvinfer1::Dims expected = dims_of(tensor, rows);
        const nvinfer1::Dims found = batch.context->getTensorShape(tensor.name.c_str());
        if (!equal(found, expected))
            throw Failure(FACEDGE_EBUNDLE, engine_.path + " makes " + tensor.name + " " +
                                               describe(found) + ", expected " +
                                               describe(expected) +
                                               "; build it with: " + engine_.rebuild);
        check(batch.context->setTensorAddress(tensor.name.c_str(), outputs_.device(i)),
              "the address of " + tensor.name);
    }
    batch.in_from_host = inputs_.spans(rows, 0);
    batch.in_after_crop = inputs_.spans(rows, 1);
    batch.out = outputs_.spans(rows, 0);
    batches_.push_back(std::move(batch));
}

size_t facedge_lane::scratch_bytes(Batch& batch) const {
    // 0 means an error, too; the profile's upper bound is right in any case.
    const size_t exact = batch.context->updateDeviceMemorySizeForShapes();
    if (exact > 0) return exact;
    return static_cast<size_t>(
        std::max<int64_t>(0, engine_.engine->getDeviceMemorySizeForProfileV2(0)));
}

void facedge_lane::use_scratch() noexcept {
    const cuda::DeviceMemory& scratch = workspace_->scratch();
    for (Batch& batch : batches_) {
        batch.from_host = {};
        batch.after_crop = {};
        batch.context->setDeviceMemoryV2(reinterpret_cast<void*>(scratch.address()),
                                         static_cast<int64_t>(scratch.bytes()));
    }
}

void facedge_lane::prepare() {
    for (Batch& batch : batches_) {
        play(batch, Source::kHost);
        workspace_->stream().synchronize();
        batch.from_host = record(batch, Source::kHost);
        if (inputs_.copied() && engine_.crop) batch.after_crop = record(batch, Source::kCrop);
    }
}

void facedge_lane::run_tensorrt(Batch& batch, const cuda::Event* inputs_consumed) {
    CUevent event = inputs_consumed ? inputs_consumed->get() : nullptr;
    if (!batch.context->setInputConsumedEvent(event) ||
        !batch.context->enqueueV3(workspace_->stream().get()))
        throw Failure(FACEDGE_EBACKEND, "TensorRT cannot run: " + take_errors());
}

void facedge_lane::play(Batch& batch, Source source) {
    const cuda::Stream& stream = workspace_->stream();
    inputs_.to_device(stream, batch.in(source));
    if (inputs_.copied()) stream.record(inputs_read_);
    run_tensorrt(batch, inputs_.copied() ? nullptr : &inputs_read_);
    outputs_.to_host(stream, batch.out);
    inputs_free_ = &inputs_read_;
}

cuda::Graph facedge_lane::record(Batch& batch, Source source) {
    const cuda::Stream& stream = workspace_->stream();
    try {
        cuda::Recording recording(stream);
        inputs_.to_device(stream, batch.in(source));
        if (inputs_.copied()) stream.record_in_graph(inputs_read_);
        // No event for TensorRT here: it would record it in this recording, not in each launch.
        run_tensorrt(batch, nullptr);
        outputs_.to_host(stream, batch.out);
        return recording.finish();
    } catch (const Failure& failure) {
        engine_.say_no_graph(failure.what());
        return {};
    }
}

void facedge_lane::enqueue(size_t batch_index) {
    const cuda::Stream& stream = workspace_->stream();
    const Source source = std::exchange(next_, Source::kHost);
    if (batch_index >= batches_.size())
        throw Failure(FACEDGE_EINVAL, "the lane has no batch of this index");
    Batch& batch = batches_[batch_index];
    const bool after_crop = source == Source::kCrop && inputs_.copied();
    const cuda::Graph& graph = after_crop ? batch.after_crop : batch.from_host;
    if (graph) {
        stream.launch(graph);
        inputs_free_ = inputs_.copied() ? &inputs_read_ : &done_;
    } else {
        play(batch, source);
    }
    stream.record(done_);
}

void facedge_lane::crop(const facedge_crop_job& job) {
    next_ = Source::kHost;
    const int32_t most = batches_.back().rows;
    if (job.count < 0 || job.count > most)
        throw Failure(FACEDGE_EINVAL, "there are " + std::to_string(job.count) +
                                          " crops and the lane holds " + std::to_string(most));
    const cuda::Stream& stream = workspace_->stream();
    // Crops that nobody wants must not land in an input that the host may fill by now.
    if (job.count == 0) return stream.synchronize();
    try {
        engine_.crop.launch(stream, job, inputs_.device(0));
        stream.record(cropped_);
    } catch (const Failure&) {
        finish_stream();
        throw;
    }
    next_ = Source::kCrop;
}

void facedge_lane::finish_stream() const noexcept {
    engine_.context->driver().cuStreamSynchronize(workspace_->stream().get());
}

facedge_lane_buffers facedge_lane::buffers() const {
    facedge_lane_buffers buffers = {};
    for (size_t i = 0; i < engine_.inputs.size(); ++i) buffers.inputs[i] = inputs_.host(i);
    for (size_t i = 0; i < engine_.outputs.size(); ++i) {
        buffers.outputs[i] = outputs_.host(i);
        buffers.device_outputs[i] = outputs_.device(i);
    }
    return buffers;
}
