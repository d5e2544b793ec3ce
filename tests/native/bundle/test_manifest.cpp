#include "bundle/bundle.hpp"
#include "manifest_text.hpp"

#include <doctest/doctest.h>

using namespace facedge;

namespace {

std::string refusal(const std::string& text) {
    Manifest manifest;
    const Status status = parse_manifest(text, "m.json", manifest);
    CHECK(manifest.name.empty());  // nothing half-read comes out
    if (!status) {
        CHECK(status.code() == FACEDGE_EBUNDLE);
        CHECK(status.message().find('\n') == std::string::npos);
        CHECK(status.message().rfind("m.json", 0) == 0);
    }
    return status.message();
}

std::string refusal_with(const std::string& old, const std::string& with) {
    REQUIRE(sound_manifest().find(old) != std::string::npos);
    return refusal(sealed(replaced(sound_manifest(), old, with)));
}

}  // namespace

TEST_CASE("a sound manifest is read whole") {
    Manifest manifest;
    REQUIRE(parse_manifest(sealed(sound_manifest()), "m.json", manifest));
    CHECK(manifest.name == "tiny");
    CHECK(manifest.model == "tiny-model");
    CHECK(manifest.task == "super-resolution");
    CHECK(manifest.precision == "fp32");
    CHECK(manifest.preferred == "onnxruntime");
    CHECK(manifest.steps == 3);
    CHECK(manifest.scale == 2);
    CHECK_FALSE(manifest.stateful);
    REQUIRE(manifest.inputs.size() == 1);
    CHECK(manifest.inputs[0].shape == std::vector<int64_t>{-1, 4, 5, 3});
    CHECK(manifest.inputs[0].elements() == 60);
    CHECK(manifest.outputs[0].bytes() == 240);
    REQUIRE(manifest.artifacts.size() == 2);
    CHECK(manifest.artifacts[0].max_batch == 0);
    CHECK(manifest.artifacts[0].version.empty());
    CHECK(manifest.artifacts[1].device == "sm_87");
    CHECK(manifest.artifacts[1].max_batch == 8);
    REQUIRE(manifest.golden.size() == 1);
    CHECK(manifest.golden[0].min_psnr_db == 50);
    CHECK(manifest.golden[0].max_abs == 0.001);
    CHECK(manifest.golden[0].outputs.at("restored") == "golden/restored.npy");
    CHECK(manifest.files.size() == 4);
    CHECK(manifest.files.at("golden/images.npy") == "33");
}

TEST_CASE("float tensors count four bytes each") {
    const TensorSpec landmarks{"landmarks", "float32", {-1, 49, 2}};
    CHECK(landmarks.elements() == 98);
    CHECK(landmarks.bytes() == 392);
}

TEST_CASE("a changed byte shows in the digest, wherever it is") {
    const std::string text = sealed(sound_manifest());
    for (size_t at = 0; at < text.size(); ++at) {
        std::string broken = text;
        broken[at] = static_cast<char>(broken[at] ^ 1);
        CHECK(refusal(broken) != "");
    }
}

TEST_CASE("the schema is judged before anything else") {
    CHECK(refusal("{\"schema\": 7, \"digest\": \"unknown\"}").find("has schema 7 and") !=
          std::string::npos);
    CHECK(refusal("{}").find("missing required field `schema`") != std::string::npos);
    CHECK(refusal("[]").find("Expected `object`, got `array`") != std::string::npos);
    CHECK(refusal("{\"schema\": 1}").find("has 0 digests of itself") != std::string::npos);
    const std::string second = "{\"digest\": \"" + std::string(64, '1') + "\"}";
    const std::string two =
        replaced(sound_manifest(), "\"tiny-model\"", "\"tiny-model\", \"x\": " + second);
    CHECK(refusal(two).find("has 2 digests of itself") != std::string::npos);
}

TEST_CASE("fields of another type, unknown, repeated or missing are refused by name") {
    const struct {
        const char *old, *with, *words;
    } cases[] = {
        {"\"steps\": 3", "\"steps\": 3.0", "Expected `int`, got `float` - at `$.steps`"},
        {"\"steps\": 3", "\"steps\": true", "Expected `int`, got `bool` - at `$.steps`"},
        {"\"steps\": 3", "\"steps\": 4294967296", "Expected `int` >= -2147483648"},
        {"\"stateful\": false", "\"stateful\": 0", "Expected `bool`, got `int` - at `$.stateful`"},
        {"\"fp32\"", "\"fp8\"", "Invalid enum value 'fp8' - at `$.precision`"},
        {"-1, 4, 5, 3", "-1, 4, \"5\", 3", "got `str` - at `$.inputs[0].shape[2]`"},
        {"\"meaning\": \"RGB\"", "\"meaning\": 1", "at `$.inputs[0].meaning`"},
        {"\"sense\": \"at least\"", "\"sense\": \"about\"", "at `$.gates[0].sense`"},
        {"30.25", "\"30\"", "Expected `float`, got `str` - at `$.quality[...]`"},
        {"\"calibration\": null", "\"calibration\": 1", "Expected `object | null`, got `int`"},
        {"\"calibration\": null", "\"calibration\": {}", "missing required field `source`"},
        {"\"tools\"", "\"surprise\"", "Object contains unknown field `surprise`"},
        {"\"preferred\": \"onnxruntime\",", "", "Object missing required field `preferred`"},
        {"\"steps\": 3", "\"steps\": 3, \"steps\": 3", "Object contains `steps` twice"},
        {"\"onnx\": \"1.18\"", "\"a\": \"\", \"a\": \"\"", "contains `a` twice - at `$.tools`"},
        {"\"macs_after\": 1", "\"macs_after\": 1.5", "at `$.rewrites[0].macs_after`"},
        {"\"tiny\"", "\"\xff\"", "a text is not UTF-8"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.with);
        const std::string message = refusal_with(one.old, one.with);
        CHECK(message.find(one.words) != std::string::npos);
        CHECK(message.find("does not follow schema 1: ") != std::string::npos);
    }
}

TEST_CASE("figures that are only reported may be of any size") {
    Manifest manifest;
    const std::string text =
        replaced(sound_manifest(), "\"macs_after\": 1", "\"macs_after\": 99999999999999999999");
    CHECK(parse_manifest(sealed(text), "m.json", manifest));
}

TEST_CASE("a manifest that contradicts itself is refused") {
    const struct {
        const char *old, *with, *words;
    } cases[] = {
        {"\"images\", \"dtype\"", "\"pictures\", \"dtype\"", "are pictures, expected images"},
        {"\"stateful\": false", "\"stateful\": true", "expected images, state_in"},
        {"\"super-resolution\"", "\"action-units\"", "expected probabilities, landmarks"},
        {"-1, 4, 5, 3", "2, 4, 5, 3", "is uint8 [2, 4, 5, 3], expected uint8 with 4"},
        {"-1, 4, 5, 3", "", "images is uint8 [], expected"},
        {"-1, 4, 5, 3", "-1, 4, 0, 3", "the others fixed"},
        {"-1, 4, 5, 3", "-1, 4, 5, 1", "images is of size [4, 5, 1], expected [4, 5, 3]"},
        {"\"scale\": 2", "\"scale\": 3", "restored is of size [8, 10, 3], expected [12, 15, 3]"},
        {"\"scale\": 2", "\"scale\": 2147483647", "expected [8589934588, 10737418235, 3]"},
        {"-1, 4, 5, 3", "-1, 100000, 100000, 3", "expected at most 1 GiB for one picture"},
        {"-1, 4, 5, 3", "-1, 9223372036854775807, 2, 3", "expected at most 1 GiB"},
        {"\"max_batch\": 8", "\"max_batch\": -8", "max_batch of engines/a.plan is -8"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.with);
        const std::string message = refusal_with(one.old, one.with);
        CHECK(message.find("m.json contradicts itself: ") == 0);
        CHECK(message.find(one.words) != std::string::npos);
    }
}
