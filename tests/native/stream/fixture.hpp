// Models and streams on the fake back end, and frames to play on them.
#pragma once

#include "plugins/fake_bundle.hpp"

#include <facedge/facedge.h>

#include <future>
#include <memory>
#include <string>
#include <vector>

namespace fixture {

struct Close {
    void operator()(facedge_model* model) const { facedge_model_close(&model); }
    void operator()(facedge_stream* stream) const { facedge_stream_close(&stream); }
};
using Model = std::unique_ptr<facedge_model, Close>;
using Stream = std::unique_ptr<facedge_stream, Close>;

// Opens a bundle that is gone again when this returns; the test fails if it cannot be opened.
Model open_model(const fake::BundleSpec& spec);

// Default settings, with one thread so that tests need not wait.
facedge_stream_settings settings_of(const Model& sr, const Model& au = nullptr);
Stream open_stream(const facedge_stream_settings& settings);

// The oldest result; the test fails if there is none after a second.
facedge_result take(const Stream& stream);

// Whether the last error of this thread says this.
bool error_says(const std::string& words);
bool says(const char* text, const std::string& words);

// A picture of one colour, 64 x 48 pixels unless said otherwise.
class Picture {
public:
    explicit Picture(uint8_t value = 100, int width = 64, int height = 48);

    // An RGB24 frame of it.
    facedge_frame frame(int64_t timestamp_us = 0) const;
    std::vector<uint8_t>& pixels() { return pixels_; }

private:
    int width_, height_;
    std::vector<uint8_t> pixels_;
};

// A face box inside a 64 x 48 picture.
facedge_roi face(uint64_t track = 0, float x = 8, float y = 8, float side = 24);

// Faces of one colour each, already cropped to the stream's input.
class Crops {
public:
    Crops(std::vector<uint8_t> values, int side = 16);
    facedge_faces faces(int64_t timestamp_us = 0) const;

private:
    int side_;
    size_t count_;
    std::vector<uint8_t> pixels_;
};

// Counts calls of release.
struct Releases {
    int count = 0;
    static void call(void* user) { ++static_cast<Releases*>(user)->count; }
    void attach(facedge_frame& frame) { frame.release = call, frame.user = this; }
    void attach(facedge_faces& faces) { faces.release = call, faces.user = this; }
};

// A release callback that holds the worker thread until open() is called.
class Gate {
public:
    void attach(facedge_frame& frame) { frame.release = wait, frame.user = this; }
    void attach(facedge_faces& faces) { faces.release = wait, faces.user = this; }
    void open() { opened_.set_value(); }

private:
    static void wait(void* user) { static_cast<Gate*>(user)->opened_.get_future().wait(); }
    std::promise<void> opened_;
};

}  // namespace fixture
