// The crop as image.hpp defines it, in the plainest way.
#include "image/color.hpp"
#include "image/image.hpp"
#include "image/plan.hpp"

#include <algorithm>
#include <cmath>

namespace facedge {
namespace {

struct Rgb {
    double r, g, b;
};

Rgb pixel(const FrameView& frame, const YuvToRgb& to, int x, int y) {
    const uint8_t* row = frame.planes[0] + frame.stride[0] * y;
    double luma = 0, u = 0, v = 0;
    switch (frame.format) {
        case FACEDGE_FORMAT_RGB24:
            return {double(row[3 * x]), double(row[3 * x + 1]), double(row[3 * x + 2])};
        case FACEDGE_FORMAT_BGR24:
            return {double(row[3 * x + 2]), double(row[3 * x + 1]), double(row[3 * x])};
        case FACEDGE_FORMAT_GRAY8: luma = row[x]; break;
        case FACEDGE_FORMAT_YUYV:
            luma = row[2 * x];
            u = row[x / 2 * 4 + 1] - 128;
            v = row[x / 2 * 4 + 3] - 128;
            break;
        case FACEDGE_FORMAT_NV12:
        case FACEDGE_FORMAT_NV21: {
            const uint8_t* pair = frame.planes[1] + frame.stride[1] * (y / 2) + x / 2 * 2;
            const bool nv12 = frame.format == FACEDGE_FORMAT_NV12;
            luma = row[x];
            u = pair[nv12 ? 0 : 1] - 128;
            v = pair[nv12 ? 1 : 0] - 128;
            break;
        }
    }
    luma = to.y_scale * (luma - to.y_offset);
    return {std::clamp(luma + to.rv * v, 0.0, 255.0),
            std::clamp(luma + to.gu * u + to.gv * v, 0.0, 255.0),
            std::clamp(luma + to.bu * u, 0.0, 255.0)};
}

// Mean of block (bx, by), the nearest one for places outside.
Rgb block_mean(const FrameView& frame, const YuvToRgb& to, int side, int bx, int by) {
    bx = std::clamp(bx, 0, (frame.width - 1) / side);
    by = std::clamp(by, 0, (frame.height - 1) / side);
    const int x1 = std::min((bx + 1) * side, int(frame.width));
    const int y1 = std::min((by + 1) * side, int(frame.height));
    Rgb sum{0, 0, 0};
    for (int y = by * side; y < y1; ++y) {
        for (int x = bx * side; x < x1; ++x) {
            const Rgb p = pixel(frame, to, x, y);
            sum.r += p.r, sum.g += p.g, sum.b += p.b;
        }
    }
    const double n = double(x1 - bx * side) * (y1 - by * side);
    return {sum.r / n, sum.g / n, sum.b / n};
}

double keys(double x) {
    x = std::abs(x);
    if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
    if (x < 2) return ((-0.5 * x + 2.5) * x - 4) * x + 2;
    return 0;
}

// Weight of the block whose centre lies `d` blocks from the crop pixel.
double weight(facedge_filter filter, double d, double stretch) {
    if (filter == FACEDGE_FILTER_BICUBIC) return keys(d / stretch);
    return std::max(0.0, std::min(d + 0.5, stretch / 2) - std::max(d - 0.5, -stretch / 2));
}

uint8_t rounded(double value) {
    return static_cast<uint8_t>(std::clamp(std::floor(value + 0.5), 0.0, 255.0));
}

}  // namespace

void crop_reference(const FrameView& frame, const Similarity& to_frame, facedge_filter filter,
                    int width, int height, uint8_t* rgb) {
    const YuvToRgb to = yuv_to_rgb(frame.matrix, frame.range);
    const CropPlan plan = crop_plan(filter, to_frame.m);
    const double side = plan.block, stretch = plan.stretch;
    const double reach = filter == FACEDGE_FILTER_BICUBIC ? 2 * stretch : stretch / 2 + 0.5;
    const float* m = to_frame.m;
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x, rgb += 3) {
            const double u = (double(m[0]) * x + double(m[1]) * y + m[2] + 0.5) / side - 0.5;
            const double v = (double(m[3]) * x + double(m[4]) * y + m[5] + 0.5) / side - 0.5;
            Rgb sum{0, 0, 0};
            double total = 0;
            for (int j = int(std::ceil(v - reach)); j <= v + reach; ++j) {
                for (int i = int(std::ceil(u - reach)); i <= u + reach; ++i) {
                    const double w =
                        weight(filter, i - u, stretch) * weight(filter, j - v, stretch);
                    if (w == 0) continue;
                    const Rgb mean = block_mean(frame, to, plan.block, i, j);
                    sum.r += w * mean.r, sum.g += w * mean.g, sum.b += w * mean.b;
                    total += w;
                }
            }
            rgb[0] = rounded(sum.r / total);
            rgb[1] = rounded(sum.g / total);
            rgb[2] = rounded(sum.b / total);
        }
    }
}

}  // namespace facedge
