// The camera class on a moving gradient, so that it runs without a camera:
//
//     camera_demo SR_BUNDLE [AU_BUNDLE]
#include "camera.hpp"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>

namespace {

constexpr int kWidth = 320, kHeight = 240, kFrames = 5;

std::vector<uint8_t> gradient(int number) {
    std::vector<uint8_t> grey;
    grey.reserve(size_t{kWidth} * kHeight);
    for (int y = 0; y < kHeight; ++y)
        for (int x = 0; x < kWidth; ++x) grey.push_back(static_cast<uint8_t>(x + y + 8 * number));
    return grey;
}

facedge_frame describe(const std::vector<uint8_t>& grey, int number) {
    facedge_frame frame;
    facedge_frame_default(&frame);
    frame.format = FACEDGE_FORMAT_GRAY8;
    frame.matrix = FACEDGE_MATRIX_IDENTITY;
    frame.range = FACEDGE_RANGE_FULL;
    frame.width = kWidth;
    frame.height = kHeight;
    frame.planes[0].data = grey.data();
    frame.planes[0].stride = kWidth;
    frame.timestamp_us = int64_t{number} * 33333;
    return frame;
}

facedge_roi face_at(uint64_t track, float x, float y, float side) {
    facedge_roi roi = {};
    roi.track = track;
    roi.kind = FACEDGE_ROI_BOX;
    const std::array<float, 4> box = {x, y, side, side};
    std::copy(box.begin(), box.end(), roi.box);
    return roi;
}

void print(const facedge_face& face, const facedge_result& result) {
    std::printf("frame %" PRIu64 " track %" PRIu64, result.frame, face.track);
    if (face.restored) std::printf(" restored %dx%d", face.width, face.height);
    if (face.probabilities) std::printf(" AU12 %.3f", static_cast<double>(face.probabilities[6]));
    std::printf("%s\n", face.fresh ? " fresh" : "");
}

void play(example::Camera camera) {
    std::vector<std::vector<uint8_t>> pictures;
    for (int i = 0; i < kFrames; ++i) pictures.push_back(gradient(i));
    for (int i = 0; i < kFrames; ++i) {
        const facedge_frame frame = describe(pictures[static_cast<size_t>(i)], i);
        const auto x = static_cast<float>(40 + 4 * i);
        while (!camera.submit(frame, {face_at(1, x, 60, 80), face_at(2, x + 120, 90, 50)})) {
            camera.wait(std::chrono::seconds(10));
            camera.deliver();
        }
    }
    while (camera.wait(std::chrono::seconds(10))) camera.deliver();
    const facedge_stats stats = camera.stats();
    std::printf("%" PRIu64 " frames, median %u us\n", stats.finished, stats.total.p50_us);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2 || argc > 3) {
        std::fprintf(stderr, "usage: camera_demo SR_BUNDLE [AU_BUNDLE]\n");
        return 2;
    }
    try {
        example::CameraSettings settings;
        settings.sr_bundle = argv[1];
        if (argc == 3) settings.au_bundle = argv[2];
        play(example::Camera(settings, print));
    } catch (const example::Error& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
    return 0;
}
