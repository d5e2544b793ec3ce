#include "stream/geometry.hpp"
#include "stream/fixture.hpp"
#include "stream/pipeline.hpp"

#include <doctest/doctest.h>

using namespace facedge;
using fixture::settings_of;

namespace {

Pipeline pipeline_of(const facedge_stream_settings& settings) {
    Pipeline pipeline;
    const Status status = make_pipeline(settings, pipeline);
    INFO(status.message());
    REQUIRE(status.code() == FACEDGE_OK);
    return pipeline;
}

}  // namespace

TEST_CASE("prepared batches: powers of two and the largest, or every count") {
    const fixture::Model model = fixture::open_model(fake::super_resolution());
    facedge_stream_settings settings = settings_of(model);
    using Sizes = std::vector<int32_t>;
    settings.max_faces = 6;
    const Pipeline powers = pipeline_of(settings);
    CHECK(powers.batches == Sizes{1, 2, 4, 6});
    CHECK(powers.batch_of_count == Sizes{0, 0, 1, 2, 2, 3, 3});
    settings.max_faces = 1;
    CHECK(pipeline_of(settings).batches == Sizes{1});
    settings.max_faces = 8;
    CHECK(pipeline_of(settings).batches == Sizes{1, 2, 4, 8});
    settings.max_faces = 3;
    settings.batching = FACEDGE_BATCH_EVERY;
    CHECK(pipeline_of(settings).batches == Sizes{1, 2, 3});
    CHECK(pipeline_of(settings).batch_of_count == Sizes{0, 0, 1, 2});
}

TEST_CASE("pixel centres of an enlarged picture lie at the right places of the small one") {
    const Similarity to_small = shrink(4);
    const float corner[2] = {-0.5f, -0.5f}, last[2] = {63.5f, 31.5f};  // outer edges
    float place[2];
    transform(to_small, corner, place);
    CHECK(place[0] == doctest::Approx(-0.5f));
    transform(to_small, last, place);
    CHECK(place[0] == doctest::Approx(15.5f));
    CHECK(place[1] == doctest::Approx(7.5f));
}

TEST_CASE("composing similarities is applying one after the other") {
    const Similarity turn = {{0, -1, 10, 1, 0, 20}};
    const Similarity grow = {{2, 0, 1, 0, 2, 3}};
    const float point[2] = {5, 7};
    float inner[2], expected[2], found[2];
    transform(grow, point, inner);
    transform(turn, inner, expected);
    transform(compose(turn, grow), point, found);
    CHECK(found[0] == expected[0]);
    CHECK(found[1] == expected[1]);
}
