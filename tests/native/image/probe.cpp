// Crops and alignments for test_crop.py, which knows what they should be. Reads requests from
// standard input, a line each, and the planes of a frame after it:
//   crop FORMAT MATRIX RANGE WIDTH HEIGHT STRIDE0 STRIDE1 FILTER WIDTH HEIGHT LOOPS m0 .. m5
//   align KIND FRAMING WIDTH HEIGHT FRAME_WIDTH FRAME_HEIGHT v0 .. v9
//   between FRAMING WIDTH HEIGHT FRAMING WIDTH HEIGHT
// and answers with the crop's bytes, or six floats (align: a code before them, and a line of text
// instead of them where the code is not 0). FRAMING is 0 or 1; LOOPS is a name, or "reference".
#include "image/image.hpp"
#include "image/loops.hpp"

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

using namespace facedge;

namespace {

void print(const Similarity& map) {
    for (const float value : map.m) std::printf(" %.9g", static_cast<double>(value));
    std::printf("\n");
}

Framing framing(int number) { return number == 0 ? Framing::kFace : Framing::kUnits; }

void choose_loops(const std::string& name) {
    NamedLoops kinds[kMaxLoops];
    const int n = all_loops(kinds);
    use_loops(fastest_loops());
    for (int i = 0; i < n; ++i) {
        if (name == kinds[i].name) use_loops(*kinds[i].loops);
    }
}

void answer_crop(std::istream& words) {
    facedge_frame frame = {};
    int filter, width, height;
    std::string loops;
    Similarity map = {};
    words >> frame.format >> frame.matrix >> frame.range >> frame.width >> frame.height >>
        frame.planes[0].stride >> frame.planes[1].stride >> filter >> width >> height >> loops;
    for (float& value : map.m) words >> value;
    std::vector<uint8_t> planes[2];
    for (int i = 0; i < plane_count(frame.format); ++i) {
        planes[i].resize(plane_bytes(frame, i));
        std::cin.read(reinterpret_cast<char*>(planes[i].data()),
                      static_cast<std::streamsize>(planes[i].size()));
    }
    const FrameView view{static_cast<facedge_format>(frame.format),
                         static_cast<facedge_matrix>(frame.matrix),
                         static_cast<facedge_range>(frame.range),
                         frame.width,
                         frame.height,
                         {planes[0].data(), planes[1].data()},
                         {frame.planes[0].stride, frame.planes[1].stride}};
    std::vector<uint8_t> rgb(size_t{3} * static_cast<size_t>(width) * static_cast<size_t>(height));
    if (loops == "reference") {
        crop_reference(view, map, static_cast<facedge_filter>(filter), width, height, rgb.data());
    } else {
        choose_loops(loops);
        const std::unique_ptr<void, decltype(&std::free)> scratch(
            std::aligned_alloc(64, crop_scratch_bytes(width, height)), &std::free);
        crop(view, map, static_cast<facedge_filter>(filter), width, height, rgb.data(),
             scratch.get());
    }
    std::fwrite(rgb.data(), 1, rgb.size(), stdout);
}

void answer_align(std::istream& words) {
    facedge_roi roi = {};
    int frame_number, width, height, frame_width, frame_height;
    words >> roi.kind >> frame_number >> width >> height >> frame_width >> frame_height;
    float values[10] = {};
    for (float& value : values) words >> value;
    for (int i = 0; i < 10; ++i) roi.points[i / 2][i % 2] = values[i];
    for (int i = 0; i < 4; ++i) roi.box[i] = values[i];
    Similarity map = {};
    Refusal why;
    const facedge_code code =
        align(roi, framing(frame_number), width, height, frame_width, frame_height, 0, map, why);
    std::printf("%d", code);
    if (code == FACEDGE_OK) {
        print(map);
    } else {
        std::printf(" %s\n", why.text);
    }
}

void answer_between(std::istream& words) {
    int from, from_width, from_height, to, to_width, to_height;
    words >> from >> from_width >> from_height >> to >> to_width >> to_height;
    print(between(framing(from), from_width, from_height, framing(to), to_width, to_height));
}

}  // namespace

int main() {
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream words(line);
        std::string request;
        words >> request;
        if (request == "crop") {
            answer_crop(words);
        } else if (request == "align") {
            answer_align(words);
        } else if (request == "between") {
            answer_between(words);
        } else {
            std::fprintf(stderr, "image_probe: %s is no request\n", request.c_str());
            return 2;
        }
    }
    return 0;
}
