#include "plugins/common/lane_memory.hpp"
#include "plugins/common/tensors.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <string>

using namespace facedge::plugin;
using facedge::Status;

namespace {

const Tensor images = {"images", "uint8", {-1, 4, 4, 3}};
const Tensor state = {"state_in", "float32", {-1, 2, 4, 4}};
const Tensor restored = {"restored", "uint8", {-1, 8, 8, 3}};

Status check(const std::vector<Tensor>& graph_inputs, const std::vector<Tensor>& graph_outputs) {
    return check_tensors("b/model.onnx", {images, state}, {restored}, graph_inputs, graph_outputs);
}

Tensor with(Tensor tensor, const std::string& dtype, std::vector<int64_t> shape) {
    tensor.dtype = dtype;
    tensor.shape = std::move(shape);
    return tensor;
}

facedge_lane_settings settings_of(const std::vector<int32_t>& batches) {
    facedge_lane_settings settings = {};
    settings.size = sizeof settings;
    settings.n_batches = static_cast<int32_t>(batches.size());
    settings.batches = batches.data();
    return settings;
}

int batches_code(const std::vector<int32_t>& batches, int32_t most) {
    return check_batches(settings_of(batches), most, "a.plan").code();
}

}  // namespace

TEST_CASE("manifest and graph agree in any order and with any batch") {
    CHECK(check({state, images}, {restored}));
    CHECK(check({with(images, "uint8", {7, 4, 4, 3}), state}, {restored}));
    CHECK(check({images, state}, {restored, {"extra", "int64", {}}}));
}

TEST_CASE("a difference is a sentence that names both sides") {
    const auto message = [](const Status& status) {
        CHECK(status.code() == FACEDGE_EBUNDLE);
        return status.message();
    };
    CHECK(message(check({with(images, "uint8", {-1, 8, 8, 3}), state}, {restored})) ==
          "b/model.onnx has images as uint8 [N, 8, 8, 3], the manifest says uint8 [N, 4, 4, 3]; "
          "build the bundle again");
    CHECK(message(check({with(images, "float16", {-1, 4, 4, 3}), state}, {restored}))
              .find("images as float16 [N, 4, 4, 3]") != std::string::npos);
    CHECK(message(check({with(images, "uint8", {-1, -1, 4, 3}), state}, {restored}))
              .find("images as uint8 [N, ?, 4, 3]") != std::string::npos);
    CHECK(message(check({with(images, "uint8", {-1, 4, 4}), state}, {restored}))
              .find("images as uint8 [N, 4, 4],") != std::string::npos);
    CHECK(message(check({images}, {restored})).find("state_in as missing") != std::string::npos);
    CHECK(message(check({images, state}, {state})).find("restored as missing") !=
          std::string::npos);
    CHECK(message(check({images, state, {"mask", "uint8", {-1}}}, {restored}))
              .find("an input mask that the manifest does not name") != std::string::npos);
    // An output of that name is no input.
    CHECK(message(check({images}, {restored, state})).find("state_in as missing") !=
          std::string::npos);
}

TEST_CASE("more tensors than the interface carries are refused") {
    const std::vector<Tensor> many(FACEDGE_MAX_TENSORS + 1, images);
    CHECK(check_tensors("b", many, {restored}, many, {restored}).code() == FACEDGE_EBUNDLE);
}

TEST_CASE("a tensor knows its bytes") {
    CHECK(images.row_bytes() == 48);
    CHECK(state.row_bytes() == 128);
    CHECK(images.sized(3) == std::vector<int64_t>{3, 4, 4, 3});
    CHECK(with(images, "uint8", {-1, INT64_MAX, INT64_MAX}).row_bytes() == SIZE_MAX);
}

TEST_CASE("batches ascend from 1 and fit the artifact") {
    CHECK(batches_code({1}, 0) == FACEDGE_OK);
    CHECK(batches_code({1, 2, 4, 256}, 0) == FACEDGE_OK);
    CHECK(batches_code({3, 8}, 8) == FACEDGE_OK);
    for (const auto& wrong : {std::vector<int32_t>{}, {0}, {-1}, {2, 2}, {2, 1}})
        CHECK(batches_code(wrong, 0) == FACEDGE_EINVAL);
    CHECK(check_batches(settings_of({1, 9}), 8, "a.plan").message() ==
          "batch is 9 and a.plan was built for at most 8; split the pictures, or build with a "
          "larger --max-batch");
}

TEST_CASE("buffers are zeroed, apart and on multiples of 256") {
    LaneMemory memory;
    REQUIRE(LaneMemory::allocate({images, state}, {restored}, 3, memory));
    const facedge_lane_buffers buffers = memory.buffers();
    const auto address = [](const void* p) { return reinterpret_cast<uintptr_t>(p); };
    for (const void* start : {static_cast<const void*>(buffers.inputs[0]),
                              static_cast<const void*>(buffers.inputs[1]), buffers.outputs[0]})
        CHECK(address(start) % 256 == 0);
    CHECK(address(buffers.inputs[1]) - address(buffers.inputs[0]) == 256);       // 3 x 48
    CHECK(address(buffers.outputs[0]) - address(buffers.inputs[1]) == 2 * 256);  // 3 x 128
    CHECK(buffers.inputs[2] == nullptr);
    CHECK(buffers.outputs[1] == nullptr);
    CHECK(buffers.device_outputs[0] == nullptr);
    const auto* bytes = static_cast<const unsigned char*>(buffers.outputs[0]);
    for (size_t i = 0; i < 3 * restored.row_bytes(); ++i) REQUIRE(bytes[i] == 0);
}

TEST_CASE("memory that cannot be had is an error") {
    LaneMemory memory;
    const Tensor vast = with(images, "uint8", {-1, INT64_MAX, 2});
    CHECK(LaneMemory::allocate({vast}, {restored}, 1, memory).code() == FACEDGE_ENOMEM);
    CHECK(LaneMemory::allocate({vast}, {vast}, 2, memory).code() == FACEDGE_ENOMEM);
}
