#include "sample.hpp"

#include <algorithm>
#include <cmath>

namespace facedge::check {
namespace {

int between_ints(std::mt19937_64& random, int least, int most) {
    return std::uniform_int_distribution<int>(least, most)(random);
}

double between_reals(std::mt19937_64& random, double least, double most) {
    return std::uniform_real_distribution<double>(least, most)(random);
}

size_t row_bytes(int32_t format, int width, int plane) {
    const auto pixels = static_cast<size_t>(width);
    switch (format) {
        case FACEDGE_FORMAT_NV12:
        case FACEDGE_FORMAT_NV21: return plane == 0 ? pixels : (pixels + 1) / 2 * 2;
        case FACEDGE_FORMAT_YUYV: return pixels * 2;
        case FACEDGE_FORMAT_GRAY8: return pixels;
        default: return pixels * 3;
    }
}

// Smooth shading with noise on it: edges and flat parts, all values.
void paint(Sample& sample, std::mt19937_64& random) {
    for (int plane = 0; plane < plane_count(sample.frame.format); ++plane) {
        std::vector<uint8_t>& pixels = sample.pixels[plane];
        pixels.resize(plane_bytes(sample.frame, plane));
        const double wave = between_reals(random, 0.001, 0.3);
        const int noise = between_ints(random, 0, 255);
        for (size_t i = 0; i < pixels.size(); ++i) {
            const double shade = 127.5 + 160 * std::sin(wave * static_cast<double>(i));
            const int value = static_cast<int>(shade) + (noise ? between_ints(random, -noise, noise) : 0);
            pixels[i] = static_cast<uint8_t>(std::clamp(value, 0, 255));
        }
        sample.frame.planes[plane].data = pixels.data();
    }
}

void describe(Sample& sample, int32_t format, int width, int height) {
    facedge_frame_default(&sample.frame);
    sample.frame.format = format;
    sample.frame.width = width;
    sample.frame.height = height;
}

void color(facedge_frame& frame, int32_t matrix, int32_t range) {
    const bool rgb = frame.format == FACEDGE_FORMAT_RGB24 || frame.format == FACEDGE_FORMAT_BGR24;
    const bool chroma = !rgb && frame.format != FACEDGE_FORMAT_GRAY8;
    frame.matrix = chroma ? matrix : FACEDGE_MATRIX_IDENTITY;
    frame.range = rgb ? FACEDGE_RANGE_FULL : range;
}

// A crop whose pixel is `scale` frame pixels wide, turned by `angle`, centred on (x, y).
Similarity place(double scale, double angle, double x, double y, int width, int height) {
    const double a = scale * std::cos(angle), b = scale * std::sin(angle);
    const double cx = (width - 1) / 2.0, cy = (height - 1) / 2.0;
    return {{static_cast<float>(a), static_cast<float>(-b), static_cast<float>(x - a * cx + b * cy),
             static_cast<float>(b), static_cast<float>(a), static_cast<float>(y - b * cx - a * cy)}};
}

}  // namespace

FrameView Sample::view() const {
    FrameView view = {};
    view.format = static_cast<facedge_format>(frame.format);
    view.matrix = static_cast<facedge_matrix>(frame.matrix);
    view.range = static_cast<facedge_range>(frame.range);
    view.width = frame.width;
    view.height = frame.height;
    for (int i = 0; i < 2; ++i) {
        view.planes[i] = frame.planes[i].data;
        view.stride[i] = frame.planes[i].stride;
    }
    return view;
}

Sample random_sample(std::mt19937_64& random) {
    Sample sample;
    const int format = between_ints(random, FACEDGE_FORMAT_NV12, FACEDGE_FORMAT_GRAY8);
    const int most = between_ints(random, 0, 3) == 0 ? 12 : 700;
    int width = between_ints(random, 1, most);
    if (format == FACEDGE_FORMAT_YUYV) width += width % 2;
    describe(sample, format, width, between_ints(random, 1, most));
    for (int plane = 0; plane < plane_count(format); ++plane) {
        const int padding = between_ints(random, 0, 1) ? between_ints(random, 1, 70) : 0;
        sample.frame.planes[plane].stride =
            static_cast<ptrdiff_t>(row_bytes(format, width, plane)) + padding;
    }
    color(sample.frame, between_ints(random, FACEDGE_MATRIX_BT601, FACEDGE_MATRIX_BT2020),
          between_ints(random, FACEDGE_RANGE_LIMITED, FACEDGE_RANGE_FULL));
    paint(sample, random);
    sample.filter = between_ints(random, 0, 1) ? FACEDGE_FILTER_BICUBIC : FACEDGE_FILTER_AREA;
    sample.width = between_ints(random, 1, 40);
    sample.height = between_ints(random, 0, 1) ? sample.width : between_ints(random, 1, 40);
    const int count = between_ints(random, 1, 3);
    for (int i = 0; i < count; ++i) {
        const double scale = std::exp(between_reals(random, std::log(0.2), std::log(24.0)));
        const double angle = between_ints(random, 0, 2) ? between_reals(random, -3.2, 3.2) : 0;
        sample.faces.push_back(place(scale, angle,
                                     between_reals(random, -0.2, 1.2) * sample.frame.width,
                                     between_reals(random, -0.2, 1.2) * sample.frame.height,
                                     sample.width, sample.height));
    }
    return sample;
}

Sample camera_sample(facedge_format format, Framing framing, int side, int face,
                     std::mt19937_64& random) {
    Sample sample;
    describe(sample, format, 1920, 1080);
    for (int plane = 0; plane < plane_count(format); ++plane)
        sample.frame.planes[plane].stride = static_cast<ptrdiff_t>(row_bytes(format, 1920, plane));
    color(sample.frame, FACEDGE_MATRIX_BT709, FACEDGE_RANGE_LIMITED);
    paint(sample, random);
    sample.filter = filter_of(framing);
    sample.width = sample.height = side;
    for (int i = 0; i < 4; ++i) {
        // Through align(), so that the crop is what a camera's face of that width gets.
        const double scale = face / 128.0, x = 300.3 + 440 * i, y = 540.4;
        const double turn = 0.05 * (i - 1.5);
        const double mean[5][2] = {{39.5, 40}, {88.5, 40}, {64, 68}, {42.5, 89.6}, {85.5, 89.6}};
        facedge_roi roi = {};
        roi.kind = FACEDGE_ROI_LANDMARKS;
        for (int k = 0; k < 5; ++k) {
            const double u = scale * (mean[k][0] - 63.5), v = scale * (mean[k][1] - 63.5);
            roi.points[k][0] = static_cast<float>(x + u * std::cos(turn) - v * std::sin(turn));
            roi.points[k][1] = static_cast<float>(y + u * std::sin(turn) + v * std::cos(turn));
        }
        Similarity to_frame = {};
        Refusal why;
        align(roi, framing, side, side, 1920, 1080, static_cast<size_t>(i), to_frame, why);
        sample.faces.push_back(to_frame);
    }
    return sample;
}

const char* format_name(int32_t format) {
    switch (format) {
        case FACEDGE_FORMAT_NV12: return "NV12";
        case FACEDGE_FORMAT_NV21: return "NV21";
        case FACEDGE_FORMAT_YUYV: return "YUYV";
        case FACEDGE_FORMAT_RGB24: return "RGB24";
        case FACEDGE_FORMAT_BGR24: return "BGR24";
        default: return "GRAY8";
    }
}

}  // namespace facedge::check
