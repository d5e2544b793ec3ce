// Wrong arguments of every function: a code, a sentence, and the stream stays usable.
#include "stream/fixture.hpp"

#include <doctest/doctest.h>
#include <facedge/facedge_cuda.h>

#include <limits>
#include <string>

using fixture::error_says;
using fixture::face;
using fixture::Picture;

namespace {

struct Fixture {
    fixture::Model model = fixture::open_model(fake::super_resolution());
    fixture::Stream stream = fixture::open_stream(fixture::settings_of(model));
    Picture picture;

    // Refused without a trace: the next good frame is number `frame`.
    void still_usable(uint64_t frame = 0) {
        const facedge_frame good = picture.frame();
        const facedge_roi roi = face();
        REQUIRE(facedge_submit(stream.get(), &good, &roi, 1) == FACEDGE_OK);
        const facedge_result result = fixture::take(stream);
        CHECK(result.frame == frame);
        CHECK(result.status == FACEDGE_OK);
    }
    void refuses(const facedge_frame& frame, int code, const std::string& words) {
        const facedge_roi roi = face();
        CHECK(facedge_submit(stream.get(), &frame, &roi, 1) == code);
        CHECK(error_says(words));
    }
    void refuses(const facedge_roi& roi, int code, const std::string& words) {
        const facedge_frame frame = picture.frame();
        CHECK(facedge_submit(stream.get(), &frame, &roi, 1) == code);
        CHECK(error_says(words));
    }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "NULL for everything that has to be given") {
    facedge_stream* s = stream.get();
    const facedge_frame frame = picture.frame();
    const facedge_faces faces = fixture::Crops({1}).faces();
    facedge_result result = {};
    result.struct_size = sizeof result;
    facedge_model* model_out = nullptr;
    facedge_model_info info = {};
    facedge_stream* stream_out = nullptr;
    facedge_stats stats = {};
    stats.struct_size = sizeof stats;
    float value = 0;
    const void* device = nullptr;
    CHECK(facedge_model_open(nullptr, "x", nullptr) == FACEDGE_EINVAL);
    CHECK(facedge_model_open(&model_out, nullptr, nullptr) == FACEDGE_EINVAL);
    CHECK(error_says("facedge_model_open was called with bundle NULL"));
    CHECK(facedge_model_describe(nullptr, &info) == FACEDGE_EINVAL);
    CHECK(facedge_model_describe(model.get(), nullptr) == FACEDGE_EINVAL);
    CHECK(facedge_stream_open(nullptr, nullptr) == FACEDGE_EINVAL);
    CHECK(facedge_stream_open(&stream_out, nullptr) == FACEDGE_EINVAL);
    CHECK(facedge_submit(nullptr, &frame, nullptr, 0) == FACEDGE_EINVAL);
    CHECK(facedge_submit(s, nullptr, nullptr, 0) == FACEDGE_EINVAL);
    CHECK(facedge_submit(s, &frame, nullptr, 1) == FACEDGE_EINVAL);
    CHECK(facedge_submit_faces(nullptr, &faces) == FACEDGE_EINVAL);
    CHECK(facedge_submit_faces(s, nullptr) == FACEDGE_EINVAL);
    CHECK(facedge_poll(nullptr, &result) == FACEDGE_EINVAL);
    CHECK(facedge_poll(s, nullptr) == FACEDGE_EINVAL);
    CHECK(facedge_wait(nullptr, 0) == FACEDGE_EINVAL);
    CHECK(facedge_stream_fd(nullptr) == FACEDGE_EINVAL);
    CHECK(facedge_stream_reset(nullptr, 0) == FACEDGE_EINVAL);
    CHECK(facedge_stream_get_state(nullptr, 0, &value, 1) == FACEDGE_EINVAL);
    CHECK(facedge_stream_get_state(s, 0, nullptr, 1) == FACEDGE_EINVAL);
    CHECK(facedge_stream_set_state(nullptr, 0, &value, 1) == FACEDGE_EINVAL);
    CHECK(facedge_stream_set_state(s, 0, nullptr, 1) == FACEDGE_EINVAL);
    CHECK(facedge_stream_stats(nullptr, &stats) == FACEDGE_EINVAL);
    CHECK(facedge_stream_stats(s, nullptr) == FACEDGE_EINVAL);
    CHECK(facedge_stream_takes_cuda(nullptr) == FACEDGE_EINVAL);
    CHECK(facedge_result_cuda(nullptr, &result, &device) == FACEDGE_EINVAL);
    CHECK(facedge_result_cuda(s, nullptr, &device) == FACEDGE_EINVAL);
    CHECK(facedge_result_cuda(s, &result, nullptr) == FACEDGE_EINVAL);
    facedge_frame_default(nullptr);
    facedge_faces_default(nullptr);
    facedge_model_settings_default(nullptr);
    still_usable();
}

TEST_CASE_FIXTURE(Fixture, "structures of an unknown size") {
    const facedge_roi roi = face();
    for (size_t wrong : {size_t{0}, size_t{1}, SIZE_MAX}) {
        facedge_frame frame = picture.frame();
        frame.struct_size = wrong;
        CHECK(facedge_submit(stream.get(), &frame, &roi, 1) == FACEDGE_EVERSION);
        CHECK(error_says("facedge_frame.struct_size is " + std::to_string(wrong)));
        const fixture::Crops crops({1});
        facedge_faces faces = crops.faces();
        faces.struct_size = wrong;
        CHECK(facedge_submit_faces(stream.get(), &faces) == FACEDGE_EVERSION);
        facedge_result result = {};
        result.struct_size = wrong;
        CHECK(facedge_poll(stream.get(), &result) == FACEDGE_EVERSION);
        const void* device = nullptr;
        CHECK(facedge_result_cuda(stream.get(), &result, &device) == FACEDGE_EVERSION);
        facedge_stats stats = {};
        stats.struct_size = wrong;
        CHECK(facedge_stream_stats(stream.get(), &stats) == FACEDGE_EVERSION);
        facedge_model_info info = {};
        info.struct_size = wrong;
        CHECK(facedge_model_describe(model.get(), &info) == FACEDGE_EVERSION);
    }
    still_usable();
}

TEST_CASE_FIXTURE(Fixture, "frames that cannot be") {
    facedge_frame frame = picture.frame();
    SUBCASE("zero, negative and huge sides") {
        for (int32_t side : {0, -1, FACEDGE_MAX_SIDE + 1, INT32_MAX, INT32_MIN}) {
            frame.width = side;
            refuses(frame, FACEDGE_EFRAME, "");
            frame.width = 64;
            frame.height = side;
            refuses(frame, FACEDGE_EFRAME, "");
            frame.height = 48;
        }
    }
    SUBCASE("strides too small") {
        for (ptrdiff_t stride : {ptrdiff_t{0}, ptrdiff_t{-192}, ptrdiff_t{191}, PTRDIFF_MIN}) {
            frame.planes[0].stride = stride;
            refuses(frame, FACEDGE_EFRAME, "stride");
        }
    }
    SUBCASE("enumerations") {
        for (int32_t value : {0, -1, 100}) {
            facedge_frame wrong = frame;
            wrong.format = value;
            CHECK(facedge_submit(stream.get(), &wrong, nullptr, 0) < 0);
            wrong = frame;
            wrong.matrix = value;
            CHECK(facedge_submit(stream.get(), &wrong, nullptr, 0) < 0);
            wrong = frame;
            wrong.range = value;
            CHECK(facedge_submit(stream.get(), &wrong, nullptr, 0) < 0);
            wrong = frame;
            wrong.memory = value;
            CHECK(facedge_submit(stream.get(), &wrong, nullptr, 0) < 0);
        }
    }
    SUBCASE("no pixels") {
        frame.planes[0].data = nullptr;
        const facedge_roi roi = face();
        CHECK(facedge_submit(stream.get(), &frame, &roi, 1) < 0);
    }
    SUBCASE("GPU memory for a back end on the CPU") {
        frame.memory = FACEDGE_MEMORY_CUDA;
        refuses(frame, FACEDGE_EFRAME, "back end fake reads host memory");
    }
    still_usable();
}

TEST_CASE_FIXTURE(Fixture, "faces that cannot be") {
    constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    SUBCASE("outside the picture") {
        for (float x : {-1000.0f, 1000.0f, 1e30f, -1e30f}) refuses(face(0, x, 8), FACEDGE_EROI, "");
    }
    SUBCASE("not numbers") {
        for (float x : {kNan, kInfinity, -kInfinity}) {
            refuses(face(0, x, 8), FACEDGE_EROI, "");
            refuses(face(0, 8, 8, x), FACEDGE_EROI, "");
        }
    }
    SUBCASE("empty boxes") {
        for (float side : {0.0f, -8.0f}) refuses(face(0, 8, 8, side), FACEDGE_EROI, "");
    }
    SUBCASE("landmarks at one place") {
        facedge_roi roi = {};
        roi.kind = FACEDGE_ROI_LANDMARKS;
        for (auto& point : roi.points) point[0] = point[1] = 20;
        refuses(roi, FACEDGE_EROI, "");
    }
    SUBCASE("an unknown kind") {
        facedge_roi roi = face();
        roi.kind = 3;
        refuses(roi, FACEDGE_EINVAL, "");
    }
    SUBCASE("a structure that was not zeroed") {
        facedge_roi roi = face();
        roi.reserved = 5;
        refuses(roi, FACEDGE_EINVAL, "rois[0].reserved is 5");
    }
    SUBCASE("the second of two") {
        const facedge_frame frame = picture.frame();
        const facedge_roi rois[] = {face(1), face(2, 1000)};
        CHECK(facedge_submit(stream.get(), &frame, rois, 2) == FACEDGE_EROI);
    }
    SUBCASE("one track twice") {
        const facedge_frame frame = picture.frame();
        const facedge_roi rois[] = {face(1), face(9), face(1)};
        CHECK(facedge_submit(stream.get(), &frame, rois, 3) == FACEDGE_EROI);
        CHECK(error_says("faces 0 and 2 both have track 1"));
    }
    SUBCASE("more than max_faces") {
        const facedge_frame frame = picture.frame();
        const facedge_roi rois[] = {face(1), face(2), face(3), face(4), face(5)};
        CHECK(facedge_submit(stream.get(), &frame, rois, 5) == FACEDGE_ETOOMANY);
        CHECK(error_says("there are 5 faces and settings.max_faces is 4"));
        CHECK(facedge_submit(stream.get(), &frame, rois, SIZE_MAX) == FACEDGE_ETOOMANY);
    }
    still_usable();
}

TEST_CASE_FIXTURE(Fixture, "cropped faces that cannot be") {
    const fixture::Crops crops({1, 2});
    facedge_faces faces = crops.faces();
    const auto refused = [&](int code, const std::string& words) {
        CHECK(facedge_submit_faces(stream.get(), &faces) == code);
        CHECK(error_says(words));
    };
    SUBCASE("another size than the model's") {
        faces.width = 15;
        refused(FACEDGE_EFRAME, "the faces are 15x16 pixels and fake takes 16x16");
    }
    SUBCASE("no pixels") {
        faces.pixels = nullptr;
        refused(FACEDGE_EINVAL, "faces.pixels is NULL and faces.count is 2");
    }
    SUBCASE("too many") {
        faces.count = 5;
        refused(FACEDGE_ETOOMANY, "there are 5 faces");
        faces.count = SIZE_MAX;
        refused(FACEDGE_ETOOMANY, "faces and settings.max_faces is 4");
    }
    SUBCASE("row strides") {
        for (ptrdiff_t stride : {ptrdiff_t{47}, ptrdiff_t{-48}, PTRDIFF_MIN}) {
            faces.row_stride = stride;
            refused(FACEDGE_EFRAME, "faces.row_stride is " + std::to_string(stride));
        }
        faces.row_stride = PTRDIFF_MAX;
        refused(FACEDGE_EFRAME, "cannot be those of 2 faces of 16x16 pixels");
    }
    SUBCASE("face strides") {
        for (ptrdiff_t stride : {ptrdiff_t{-1}, PTRDIFF_MIN, PTRDIFF_MAX}) {
            faces.face_stride = stride;
            refused(FACEDGE_EFRAME, "cannot be those of 2 faces of 16x16 pixels");
        }
    }
    SUBCASE("one track twice") {
        const uint64_t tracks[] = {3, 3};
        faces.tracks = tracks;
        refused(FACEDGE_EROI, "faces 0 and 1 both have track 3");
    }
    still_usable();
}

TEST_CASE("cropped faces do not go to a stream that reads units from the frame") {
    const fixture::Model sr = fixture::open_model(fake::super_resolution());
    const fixture::Model au = fixture::open_model(fake::action_units());
    const fixture::Stream stream = fixture::open_stream(fixture::settings_of(sr, au));
    const fixture::Crops crops({1});
    const facedge_faces faces = crops.faces();
    CHECK(facedge_submit_faces(stream.get(), &faces) == FACEDGE_EINVAL);
    CHECK(error_says("set settings.au_source to FACEDGE_AU_FROM_RESTORED"));
}
