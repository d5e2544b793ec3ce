#include "compare.hpp"

#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace facedge::check {
void compare(const Sample& sample, int index, const Crops& found, Agreement& agreement) {
    const size_t bytes = size_t{3} * sample.width * sample.height;
    Crops expected(bytes);
    for (size_t face = 0; face < sample.faces.size(); ++face) {
        crop_reference(sample.view(), sample.faces[face], sample.filter, sample.width,
                       sample.height, expected.data());
        for (size_t i = 0; i < bytes; ++i) {
            const int difference = std::abs(int{found[face * bytes + i]} - int{expected[i]});
            ++agreement.values;
            agreement.equal += difference == 0;
            if (difference <= agreement.most) continue;
            agreement.most = difference;
            agreement.worst_case = index;
            char text[256];
            std::snprintf(text, sizeof text,
                          "case %d: %s %dx%d matrix %d range %d, face %zu, %s, crop %dx%d of %.3f "
                          "frame pixels per pixel", index, format_name(sample.frame.format),
                          sample.frame.width, sample.frame.height, sample.frame.matrix,
                          sample.frame.range, face,
                          sample.filter == FACEDGE_FILTER_BICUBIC ? "bicubic" : "area",
                          sample.width, sample.height,
                          std::hypot(sample.faces[face].m[0], sample.faces[face].m[3]));
            agreement.worst = text;
        }
    }
}

}  // namespace facedge::check
