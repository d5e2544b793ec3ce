#include "stream/fixture.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>

namespace fixture {

Model open_model(const fake::BundleSpec& spec) {
    const fake::TemporaryFolder folder;
    fake::write_bundle(folder / "bundle", spec);
    facedge_model_settings settings;
    facedge_model_settings_default(&settings);
    settings.plugin_dir = FAKE_PLUGIN_DIR;
    facedge_model* model = nullptr;
    const int code = facedge_model_open(&model, (folder / "bundle").c_str(), &settings);
    INFO(std::string(facedge_last_error()));
    REQUIRE(code == FACEDGE_OK);
    return Model(model);
}

facedge_stream_settings settings_of(const Model& sr, const Model& au) {
    facedge_stream_settings settings;
    facedge_stream_settings_default(&settings);
    settings.sr = sr.get();
    settings.au = au.get();
    settings.mode = FACEDGE_MODE_INLINE;
    return settings;
}

Stream open_stream(const facedge_stream_settings& settings) {
    facedge_stream* stream = nullptr;
    const int code = facedge_stream_open(&stream, &settings);
    INFO(std::string(facedge_last_error()));
    REQUIRE(code == FACEDGE_OK);
    return Stream(stream);
}

facedge_result take(const Stream& stream) {
    facedge_result result = {};
    result.struct_size = sizeof result;
    REQUIRE(facedge_wait(stream.get(), 10000) == FACEDGE_OK);
    REQUIRE(facedge_poll(stream.get(), &result) == FACEDGE_OK);
    return result;
}

bool says(const char* text, const std::string& words) {
    const bool found = std::strstr(text, words.c_str()) != nullptr;
    if (!found) MESSAGE("'" << std::string(text) << "' does not say '" << words << "'");
    return found;
}

bool error_says(const std::string& words) { return says(facedge_last_error(), words); }

Picture::Picture(uint8_t value, int width, int height)
    : width_(width), height_(height), pixels_(size_t{3} * width * height, value) {}

facedge_frame Picture::frame(int64_t timestamp_us) const {
    facedge_frame frame;
    facedge_frame_default(&frame);
    frame.format = FACEDGE_FORMAT_RGB24;
    frame.matrix = FACEDGE_MATRIX_IDENTITY;
    frame.range = FACEDGE_RANGE_FULL;
    frame.width = width_;
    frame.height = height_;
    frame.planes[0].data = pixels_.data();
    frame.planes[0].stride = ptrdiff_t{3} * width_;
    frame.timestamp_us = timestamp_us;
    return frame;
}

facedge_roi face(uint64_t track, float x, float y, float side) {
    facedge_roi roi = {};
    roi.track = track;
    roi.kind = FACEDGE_ROI_BOX;
    roi.box[0] = x;
    roi.box[1] = y;
    roi.box[2] = roi.box[3] = side;
    return roi;
}

Crops::Crops(std::vector<uint8_t> values, int side)
    : side_(side), count_(values.size()), pixels_(values.size() * 3 * side * side) {
    const size_t bytes = size_t{3} * side * side;
    for (size_t i = 0; i < values.size(); ++i)
        std::fill_n(pixels_.begin() + static_cast<ptrdiff_t>(i * bytes), bytes, values[i]);
}

facedge_faces Crops::faces(int64_t timestamp_us) const {
    facedge_faces faces;
    facedge_faces_default(&faces);
    faces.pixels = pixels_.data();
    faces.count = count_;
    faces.width = faces.height = side_;
    faces.timestamp_us = timestamp_us;
    return faces;
}

}  // namespace fixture
