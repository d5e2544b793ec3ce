// Where the crop of a face lies in the frame.
#include "image/refuse.hpp"

#include <algorithm>
#include <cmath>

namespace facedge {
namespace {

struct Point {
    double x, y;
};

// x' = a x - b y + x0, y' = b x + a y + y0
struct Map {
    double a, b, x0, y0;
};

constexpr int kFaceSide = 128, kUnitsSide = 176;

// The mean face on the 128x128 framing, in the order of facedge_roi.points. The eyes are where the
// training faces have them. Nose and mouth are means of what YuNet finds on every second face of
// the training split (3,079; each at 128 and at a random 77 to 282 pixels, in a gray and in a
// blurred surrounding: 12,216 findings of confidence 0.8 or more) after its eyes were brought to
// these; made symmetric, by 0.2 pixels at most. Standard deviations: nose (4.9, 2.1), mouth corners
// (1.4, 3.5).
//
// On 358 faces of the validation split, eyes come out 7.0 % of their distance off the place that
// the data set gives them (mean), 6.8 % with a fit of the two eyes alone. Data set landmarks (68
// points, machine-made, 6,158 faces) put the mouth 1.5 pixels wider and 0.8 lower: 7.2 % with
// those.
constexpr Point kMeanFace[5] = {{39.5, 40}, {88.5, 40}, {64, 68.1}, {42.5, 89.7}, {85.5, 89.7}};

// A detector's box against the 128x128 framing: the framing's side over sqrt(width * height), and
// from the middle of the box's lower edge to the framing's centre, in the same unit. Medians over
// YuNet's boxes of the same findings; the standard deviation of the side is 6 %. The upper edge
// varies with hair and surroundings and is used for the size only. On the validation split eyes
// come out 11.8 % of their distance off (mean; 95 % of faces: 24 %), against 7.0 % with landmarks.
constexpr double kBoxSide = 1.071, kBoxX = -0.003, kBoxY = -0.523;
constexpr double kMostElongated = 4;  // a box's longer side over its shorter

constexpr double kLeastSide = 4;  // frame pixels of a face's side; less holds no face
constexpr double kMostSide = 4.0 * FACEDGE_MAX_SIDE;
// Share of the landmarks' spread that no similarity explains: YuNet's landmarks leave 0.21 at most,
// a face squeezed to a tenth of its width 0.37, points on a line 0.47, a mirrored face 0.99.
constexpr double kMostMisfit = 0.4;

// The 176x176 crop of a 128x128 face: training/au_crop.py, FACE_TO_CROP.
constexpr double kUnitsPerFace = 69.0 / 49.0;
constexpr Map kFaceToUnits = {kUnitsPerFace, 0, 53.5 - kUnitsPerFace * 39.5,
                              50 - kUnitsPerFace * 40};

Point apply(const Map& map, Point p) {
    return {map.a * p.x - map.b * p.y + map.x0, map.b * p.x + map.a * p.y + map.y0};
}

// First `inner`, then `outer`.
Map compose(const Map& outer, const Map& inner) {
    const Point origin = apply(outer, {inner.x0, inner.y0});
    return {outer.a * inner.a - outer.b * inner.b, outer.b * inner.a + outer.a * inner.b, origin.x,
            origin.y};
}

Map inverse(const Map& map) {
    const double n = map.a * map.a + map.b * map.b;
    const double a = map.a / n, b = -map.b / n;
    return {a, b, -(a * map.x0 - b * map.y0), -(b * map.x0 + a * map.y0)};
}

// A picture of `from` pixels drawn on `to` pixels: pixel centres keep their places.
Map resized(double from, double to) {
    const double scale = to / from;
    return {scale, 0, (scale - 1) / 2, (scale - 1) / 2};
}

// Crop pixel -> pixel of the 128x128 face. The width sets the scale; a crop of another shape shares
// the centre.
Map crop_to_face(Framing framing, int width, int height) {
    const double side = framing == Framing::kFace ? kFaceSide : kUnitsSide;
    Map map = resized(width, side);
    map.y0 = (side - 1) / 2 - map.a * (height - 1) / 2;
    return framing == Framing::kFace ? map : compose(inverse(kFaceToUnits), map);
}

Similarity to_similarity(const Map& map) {
    return {{static_cast<float>(map.a), static_cast<float>(-map.b), static_cast<float>(map.x0),
             static_cast<float>(map.b), static_cast<float>(map.a), static_cast<float>(map.y0)}};
}

// Least squares similarity without reflection from the mean face to the landmarks (S. Umeyama,
// "Least-squares estimation of transformation parameters between two point patterns", 1991; in two
// dimensions it has this closed form). `misfit` is the share of the landmarks' spread left over.
Map fit_mean_face(const float (&points)[5][2], double& misfit) {
    Point from = {0, 0}, to = {0, 0};
    for (int i = 0; i < 5; ++i) {
        from.x += kMeanFace[i].x / 5, from.y += kMeanFace[i].y / 5;
        to.x += static_cast<double>(points[i][0]) / 5;
        to.y += static_cast<double>(points[i][1]) / 5;
    }
    double dot = 0, cross = 0, from_spread = 0, to_spread = 0;
    for (int i = 0; i < 5; ++i) {
        const Point f = {kMeanFace[i].x - from.x, kMeanFace[i].y - from.y};
        const Point t = {points[i][0] - to.x, points[i][1] - to.y};
        dot += f.x * t.x + f.y * t.y;
        cross += f.x * t.y - f.y * t.x;
        from_spread += f.x * f.x + f.y * f.y;
        to_spread += t.x * t.x + t.y * t.y;
    }
    Map map = {dot / from_spread, cross / from_spread, 0, 0};
    const Point origin = apply(map, from);
    map.x0 = to.x - origin.x;
    map.y0 = to.y - origin.y;
    misfit = to_spread > 0 ? 1 - (dot * dot + cross * cross) / (from_spread * to_spread) : 1;
    return map;
}

facedge_code place_landmarks(const facedge_roi& roi, size_t index, Map& face, Refusal& why) {
    for (const float(&point)[2] : roi.points) {
        if (!std::isfinite(point[0]) || !std::isfinite(point[1])) {
            return refuse(why, FACEDGE_EROI,
                          "face %zu has a landmark at (%g, %g), expected finite pixel coordinates",
                          index, static_cast<double>(point[0]), static_cast<double>(point[1]));
        }
    }
    double misfit = 0;
    face = fit_mean_face(roi.points, misfit);
    const double side = kFaceSide * std::hypot(face.a, face.b);
    // Written so that NaN is refused too.
    if (!(misfit <= kMostMisfit) || !(side >= kLeastSide && side <= kMostSide)) {
        return refuse(why, FACEDGE_EROI,
                      "the landmarks of face %zu are degenerate: they fit a face of %.3g pixels "
                      "and leave %.0f %% of their spread unexplained; expected, in this order, the "
                      "eye on the left of the picture, the one on its right, nose, left and right "
                      "mouth corner of a face of %g to %g pixels",
                      index, side, 100 * misfit, kLeastSide, kMostSide);
    }
    return FACEDGE_OK;
}

facedge_code place_box(const facedge_roi& roi, size_t index, Map& face, Refusal& why) {
    const double x = roi.box[0], y = roi.box[1], width = roi.box[2], height = roi.box[3];
    const bool finite =
        std::isfinite(x) && std::isfinite(y) && std::isfinite(width) && std::isfinite(height);
    const double unit = std::sqrt(width * height), side = kBoxSide * unit;
    if (!finite || width <= 0 || height <= 0 || side < kLeastSide || side > kMostSide) {
        return refuse(why, FACEDGE_EROI,
                      "the box of face %zu is at (%g, %g) and %g by %g pixels, expected finite "
                      "numbers and a face of %g to %g pixels; leave the face out",
                      index, x, y, width, height, kLeastSide, kMostSide);
    }
    if (std::max(width, height) > kMostElongated * std::min(width, height)) {
        return refuse(why, FACEDGE_EROI,
                      "the box of face %zu is %g by %g pixels, expected sides that differ by a "
                      "factor of %g at most, as brows to chin of an upright face do; leave the "
                      "face out",
                      index, width, height, kMostElongated);
    }
    const double scale = side / kFaceSide, middle = (kFaceSide - 1) / 2.0;
    face = {scale, 0, x + width / 2 + kBoxX * unit - scale * middle,
            y + height + kBoxY * unit - scale * middle};
    return FACEDGE_OK;
}

// Whether the centres of the frame's pixels reach within half a pixel of the crop: two rectangles
// that no axis of either separates.
bool overlaps(const Map& map, int width, int height, int frame_width, int frame_height) {
    const auto crosses = [](const Map& m, double w, double h, double other_w, double other_h) {
        double least_x = HUGE_VAL, most_x = -HUGE_VAL, least_y = HUGE_VAL, most_y = -HUGE_VAL;
        for (const Point corner :
             {Point{-0.5, -0.5}, {w - 0.5, -0.5}, {-0.5, h - 0.5}, {w - 0.5, h - 0.5}}) {
            const Point p = apply(m, corner);
            least_x = std::min(least_x, p.x), most_x = std::max(most_x, p.x);
            least_y = std::min(least_y, p.y), most_y = std::max(most_y, p.y);
        }
        return least_x < other_w - 0.5 && most_x > -0.5 && least_y < other_h - 0.5 && most_y > -0.5;
    };
    return crosses(map, width, height, frame_width, frame_height) &&
           crosses(inverse(map), frame_width, frame_height, width, height);
}

}  // namespace

facedge_code align(const facedge_roi& roi, Framing framing, int width, int height, int frame_width,
                   int frame_height, size_t index, Similarity& to_frame, Refusal& why) {
    Map face = {};
    facedge_code code = FACEDGE_OK;
    if (roi.kind == FACEDGE_ROI_LANDMARKS) {
        code = place_landmarks(roi, index, face, why);
    } else if (roi.kind == FACEDGE_ROI_BOX) {
        code = place_box(roi, index, face, why);
    } else {
        code = refuse(why, FACEDGE_EINVAL,
                      "rois[%zu].kind is %d, expected FACEDGE_ROI_LANDMARKS or FACEDGE_ROI_BOX",
                      index, roi.kind);
    }
    if (code) return code;
    const Map map = compose(face, crop_to_face(framing, width, height));
    if (!overlaps(map, width, height, frame_width, frame_height)) {
        const Point centre = apply(map, {(width - 1) / 2.0, (height - 1) / 2.0});
        return refuse(why, FACEDGE_EROI,
                      "face %zu lies outside the picture: its crop is centred on (%.1f, %.1f) and "
                      "the frame is %dx%d; leave the face out",
                      index, centre.x, centre.y, frame_width, frame_height);
    }
    to_frame = to_similarity(map);
    return FACEDGE_OK;
}

Similarity between(Framing from, int from_width, int from_height, Framing to, int to_width,
                   int to_height) {
    return to_similarity(compose(inverse(crop_to_face(from, from_width, from_height)),
                                 crop_to_face(to, to_width, to_height)));
}

}  // namespace facedge
