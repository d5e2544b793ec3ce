#include "cases.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace facedge::checkkernels {
namespace {

// std::mt19937_64 is the same everywhere; the standard distributions are not.
class Random {
public:
    Random(uint64_t seed, uint64_t index) : engine_(seed * 0x9e3779b97f4a7c15u + index) {}

    int whole(int least, int most) {
        const auto range = static_cast<uint64_t>(most - least + 1);
        return least + static_cast<int>(engine_() % range);
    }
    double real(double least, double most) {
        return least + (most - least) * static_cast<double>(engine_() >> 11) * 0x1p-53;
    }
    bool one_in(int n) { return whole(1, n) == 1; }

private:
    std::mt19937_64 engine_;
};

bool has_chroma(facedge_format format) {
    return format == FACEDGE_FORMAT_NV12 || format == FACEDGE_FORMAT_NV21 ||
           format == FACEDGE_FORMAT_YUYV;
}

bool is_rgb(facedge_format format) {
    return format == FACEDGE_FORMAT_RGB24 || format == FACEDGE_FORMAT_BGR24;
}

ptrdiff_t row_bytes(facedge_format format, int index, int32_t width) {
    if (is_rgb(format)) return ptrdiff_t{3} * width;
    if (format == FACEDGE_FORMAT_YUYV) return ptrdiff_t{2} * width;
    return index == 0 ? width : (width + 1) / 2 * 2;
}

// Noise, waves, or blocks of 0 and 255, which out of luma and chroma make colours that no RGB has.
void paint(std::vector<uint8_t>& plane, ptrdiff_t stride, Random& random) {
    const int kind = random.whole(1, 3);
    const double fx = random.real(0.01, 0.3), fy = random.real(0.01, 0.3);
    const ptrdiff_t block = random.whole(1, 24);
    for (size_t i = 0; i < plane.size(); ++i) {
        const auto place = static_cast<ptrdiff_t>(i);
        const ptrdiff_t x = place % stride, y = place / stride;
        switch (kind) {
            case 1: plane[i] = static_cast<uint8_t>(random.whole(0, 255)); break;
            case 2:
                plane[i] = static_cast<uint8_t>(
                    std::lround(127.5 + 127.5 * std::sin(fx * static_cast<double>(x)) *
                                            std::cos(fy * static_cast<double>(y))));
                break;
            default: plane[i] = (x / block + y / block) % 2 ? 255 : 0; break;
        }
    }
}

OwnedFrame make_frame(Random& random) {
    const auto format = static_cast<facedge_format>(random.whole(1, 6));
    const auto matrix = has_chroma(format) ? static_cast<facedge_matrix>(random.whole(2, 4))
                                           : FACEDGE_MATRIX_IDENTITY;
    const facedge_range range =
        is_rgb(format) || random.one_in(2) ? FACEDGE_RANGE_FULL : FACEDGE_RANGE_LIMITED;
    const bool tiny = random.one_in(8);
    int32_t width = random.whole(1, tiny ? 6 : 640);
    const int32_t height = random.whole(1, tiny ? 6 : 480);
    if (format == FACEDGE_FORMAT_YUYV) width += width % 2;
    OwnedFrame frame(format, matrix, range, width, height, random.whole(0, 40));
    for (int i = 0; i < plane_count(format); ++i) {
        paint(frame.plane(i), frame.view().stride[i], random);
    }
    return frame;
}

}  // namespace

OwnedFrame::OwnedFrame(facedge_format format, facedge_matrix matrix, facedge_range range,
                       int32_t width, int32_t height, ptrdiff_t padding)
    : frame_{} {
    frame_.struct_size = sizeof frame_;
    frame_.format = format;
    frame_.matrix = matrix;
    frame_.range = range;
    frame_.memory = FACEDGE_MEMORY_HOST;
    frame_.width = width;
    frame_.height = height;
    for (int i = 0; i < plane_count(format); ++i) {
        frame_.planes[i].stride = row_bytes(format, i, width) + padding;
        planes_[i].resize(plane_bytes(frame_, i));
    }
}

facedge_frame OwnedFrame::description() const {
    facedge_frame frame = frame_;
    for (int i = 0; i < plane_count(frame.format); ++i) frame.planes[i].data = planes_[i].data();
    return frame;
}

FrameView OwnedFrame::view() const {
    return {static_cast<facedge_format>(frame_.format),
            static_cast<facedge_matrix>(frame_.matrix),
            static_cast<facedge_range>(frame_.range),
            frame_.width,
            frame_.height,
            {planes_[0].data(), planes_[1].data()},
            {frame_.planes[0].stride, frame_.planes[1].stride}};
}

std::string Case::description() const {
    const FrameView view = frame.view();
    char text[300];
    std::snprintf(text, sizeof text,
                  "%s %dx%d, strides %td and %td, matrix %d, range %d, %s crop %dx%d, to_frame "
                  "[%.9g %.9g %.9g %.9g %.9g %.9g]",
                  name_of(view.format), view.width, view.height, view.stride[0], view.stride[1],
                  view.matrix, view.range, name_of(filter), width, height,
                  static_cast<double>(to_frame.m[0]), static_cast<double>(to_frame.m[1]),
                  static_cast<double>(to_frame.m[2]), static_cast<double>(to_frame.m[3]),
                  static_cast<double>(to_frame.m[4]), static_cast<double>(to_frame.m[5]));
    return text;
}

Similarity place(double scale, double radians, double x, double y, int width, int height) {
    const auto a = static_cast<float>(scale * std::cos(radians));
    const auto b = static_cast<float>(scale * std::sin(radians));
    const double across = (width - 1) / 2.0, down = (height - 1) / 2.0;
    return {{a, -b, static_cast<float>(x - a * across + b * down), b, a,
             static_cast<float>(y - b * across - a * down)}};
}

Case make_case(uint64_t seed, uint64_t index) {
    Random random(seed, index);
    OwnedFrame frame = make_frame(random);
    const facedge_filter filter = random.one_in(2) ? FACEDGE_FILTER_BICUBIC : FACEDGE_FILTER_AREA;
    static constexpr int kSides[] = {16, 32, 64, 128, 176};
    const int side = kSides[random.whole(0, 4)];
    const bool few = random.one_in(12);
    const int width = few ? random.whole(1, 4) : random.one_in(2) ? side : random.whole(1, 100);
    const int height = few ? random.whole(1, 4) : random.one_in(2) ? width : random.whole(1, 100);
    double scale = std::exp(random.real(std::log(0.2), std::log(few ? 1000.0 : 40.0)));
    // Little of the crop would lie in the frame otherwise.
    scale = std::min(scale, 4000.0 / std::max(width, height));
    if (random.one_in(4)) scale = std::ceil(scale);
    const double radians = random.one_in(3) ? 0 : random.real(-3.14, 3.14);
    const FrameView view = frame.view();
    const double x = random.real(-0.25, 1.25) * view.width;
    const double y = random.real(-0.25, 1.25) * view.height;
    return {std::move(frame), filter, width, height, place(scale, radians, x, y, width, height)};
}

std::vector<uint8_t> reference(const Case& one) {
    std::vector<uint8_t> rgb(size_t{3} * static_cast<size_t>(one.width) *
                             static_cast<size_t>(one.height));
    crop_reference(one.frame.view(), one.to_frame, one.filter, one.width, one.height, rgb.data());
    return rgb;
}

std::vector<uint8_t> cropped(const Case& one) {
    std::vector<uint8_t> rgb(size_t{3} * static_cast<size_t>(one.width) *
                             static_cast<size_t>(one.height));
    const std::unique_ptr<void, decltype(&std::free)> scratch(
        std::aligned_alloc(64, crop_scratch_bytes(one.width, one.height)), &std::free);
    crop(one.frame.view(), one.to_frame, one.filter, one.width, one.height, rgb.data(),
         scratch.get());
    return rgb;
}

void Difference::add(const std::vector<uint8_t>& a, const std::vector<uint8_t>& b) {
    for (size_t i = 0; i < a.size(); ++i) {
        const int difference = std::abs(int(a[i]) - int(b[i]));
        worst = std::max(worst, difference);
        beyond_one += difference > 1;
    }
    values += a.size();
}

const char* name_of(facedge_format format) {
    switch (format) {
        case FACEDGE_FORMAT_NV12: return "NV12";
        case FACEDGE_FORMAT_NV21: return "NV21";
        case FACEDGE_FORMAT_YUYV: return "YUYV";
        case FACEDGE_FORMAT_RGB24: return "RGB24";
        case FACEDGE_FORMAT_BGR24: return "BGR24";
        default: return "GRAY8";
    }
}

const char* name_of(facedge_filter filter) {
    return filter == FACEDGE_FILTER_BICUBIC ? "bicubic" : "area";
}

}  // namespace facedge::checkkernels
