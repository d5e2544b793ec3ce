// The CUDA kernel's arithmetic, run by the processor.
#include "cases.hpp"

#include <crop_on_host.hpp>

#include <doctest/doctest.h>

using namespace facedge;
using namespace facedge::checkkernels;

namespace {

facedge_crop_job job_of(const facedge_frame& frame, const std::vector<Similarity>& places,
                        facedge_filter filter, int width, int height) {
    facedge_crop_job job = {};
    job.size = sizeof job;
    job.count = static_cast<int32_t>(places.size());
    job.frame = &frame;
    job.to_frame = &places[0].m;
    job.width = width;
    job.height = height;
    job.filter = filter;
    return job;
}

}  // namespace

TEST_CASE("the kernel agrees with the definition") {
    for (uint64_t i = 0; i < 40; ++i) {
        const Case one = make_case(9, i);
        const facedge_frame frame = one.frame.description();
        const std::vector<Similarity> places = {one.to_frame};
        const facedge_crop_job job = job_of(frame, places, one.filter, one.width, one.height);
        std::vector<uint8_t> rgb(size_t{3} * size_t(one.width) * size_t(one.height));
        crop_on_host(crop_launch(job, 0, reinterpret_cast<uintptr_t>(rgb.data())));
        Difference difference;
        difference.add(rgb, reference(one));
        CAPTURE(one.description());
        CHECK(difference.worst <= 1);  // single precision, and rounded
    }
}

TEST_CASE("more faces than a launch holds take several launches") {
    OwnedFrame frame(FACEDGE_FORMAT_GRAY8, FACEDGE_MATRIX_IDENTITY, FACEDGE_RANGE_FULL, 600, 30, 0);
    for (size_t i = 0; i < frame.plane(0).size(); ++i) {
        frame.plane(0)[i] = static_cast<uint8_t>(i % 600 / 3);
    }
    std::vector<Similarity> places;
    for (int i = 0; i < 40; ++i) places.push_back(place(1, 0, 20 + 14 * i, 15, 5, 4));
    const facedge_frame description = frame.description();
    const facedge_crop_job job = job_of(description, places, FACEDGE_FILTER_AREA, 5, 4);
    std::vector<uint8_t> rgb(40 * 5 * 4 * 3);
    int launches = 0, faces = 0;
    for (int first = 0; first < job.count; first += kCropFaces, ++launches) {
        const FacedgeCrop launch = crop_launch(job, first, reinterpret_cast<uintptr_t>(rgb.data()));
        faces += launch.count;
        CHECK(crop_grid(launch).x == 1);
        CHECK(crop_grid(launch).y == static_cast<unsigned>(launch.count));
        crop_on_host(launch);
    }
    CHECK(launches == 2);
    CHECK(faces == 40);
    for (size_t i = 0; i < places.size(); ++i) {
        std::vector<uint8_t> expected(5 * 4 * 3);
        crop_reference(frame.view(), places[i], FACEDGE_FILTER_AREA, 5, 4, expected.data());
        const auto begin = rgb.begin() + static_cast<ptrdiff_t>(i * expected.size());
        CHECK(std::vector<uint8_t>(begin, begin + static_cast<ptrdiff_t>(expected.size())) ==
              expected);
    }
}

TEST_CASE("the grid has a thread for every part of a pixel") {
    const OwnedFrame owned(FACEDGE_FORMAT_GRAY8, FACEDGE_MATRIX_IDENTITY, FACEDGE_RANGE_FULL, 9, 9,
                           0);
    const facedge_frame frame = owned.description();
    const std::vector<Similarity> places(3, place(1, 0, 4, 4, 16, 16));
    const FacedgeCrop small =
        crop_launch(job_of(frame, places, FACEDGE_FILTER_BICUBIC, 16, 16), 0, 0);
    CHECK(small.lanes == kCropWarp);
    CHECK(crop_grid(small).x == 16 * 16 * 32 / 128);
    CHECK(crop_grid(small).y == 3);
    const FacedgeCrop large =
        crop_launch(job_of(frame, places, FACEDGE_FILTER_AREA, 176, 176), 0, 0);
    CHECK(large.lanes == 1);
    CHECK(crop_grid(large).x == (176 * 176 + 127) / 128);
}
