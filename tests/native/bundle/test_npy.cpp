#include "bundle/npy.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace facedge;

namespace {

std::vector<uint8_t> npy(const std::string& header, const std::string& data, int major = 1) {
    std::string bytes = "\x93NUMPY";
    bytes += static_cast<char>(major);
    bytes += '\0';
    for (int i = 0; i < (major == 1 ? 2 : 4); ++i)
        bytes += static_cast<char>(header.size() >> (8 * i) & 255);
    bytes += header + data;
    return {bytes.begin(), bytes.end()};
}

std::string refusal(const std::vector<uint8_t>& bytes) {
    NpyArray array;
    const Status status = parse_npy(bytes, "a.npy", array);
    CHECK(array.data.empty());
    CHECK(array.dtype.empty());
    if (!status) CHECK(status.code() == FACEDGE_EBUNDLE);
    return status.message();
}

constexpr char kNone[] = "a.npy is not a .npy array of numbers";

}  // namespace

TEST_CASE("arrays of every accepted form") {
    NpyArray array;
    for (const int major : {1, 2, 3}) {
        const auto bytes =
            npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }  \n", "abcdef", major);
        REQUIRE(parse_npy(bytes, "a.npy", array));
        CHECK(array.dtype == "uint8");
        CHECK(array.shape == std::vector<int64_t>{2, 3});
        CHECK(std::string(array.data.begin(), array.data.end()) == "abcdef");
    }
    REQUIRE(parse_npy(npy("{\"shape\":(1,),\"descr\":\"<f4\",\"fortran_order\":False}", "1234!"),
                      "a.npy", array));
    CHECK(array.dtype == "float32");
    CHECK(array.shape == std::vector<int64_t>{1});
    CHECK(array.data.size() == 4);
    REQUIRE(parse_npy(npy("{'descr': '|u1', 'fortran_order': False, 'shape': ()}", "a"), "a.npy",
                      array));
    CHECK(array.shape.empty());
    CHECK(array.data.size() == 1);
    REQUIRE(parse_npy(npy("{'descr': '|u1', 'fortran_order': True, 'shape': (0,)}", ""), "a.npy",
                      array));
    CHECK(array.data.empty());
}

TEST_CASE("what is no .npy file is refused") {
    const std::string good = "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }";
    REQUIRE(refusal(npy(good, "a")).rfind(kNone, 0) == 0);
    const std::vector<uint8_t> whole = npy(good, "ab");
    for (size_t size = 0; size < whole.size(); ++size) {
        CAPTURE(size);
        CHECK(refusal({whole.begin(), whole.begin() + ptrdiff_t(size)}).rfind(kNone, 0) == 0);
    }
    const std::string headers[] = {
        "",
        "{}",
        "{'descr': '|u1', 'fortran_order': False}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), 'more': 1}",
        "{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2.0,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (02,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': [2]}",
        "{'descr': '|u1', 'fortran_order': 0, 'shape': (2,)}",
        "{'descr': '|u1' 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': [('x', '|u1')], 'fortran_order': False, 'shape': (2,)}",
        good + "x",
        good + std::string(1, '\0'),
        good + std::string(20000, ' '),
    };
    for (const std::string& header : headers) {
        CAPTURE(header);
        CHECK(refusal(npy(header, "abcd", 2)).rfind(kNone, 0) == 0);
    }
    CHECK(refusal(npy(good, "ab", 4)).rfind(kNone, 0) == 0);
}

TEST_CASE("sizes that overflow are refused, not allocated") {
    for (const char* shape : {"(4611686018427387904, 4, 4)", "(9223372036854775807, 1)",
                              "(4294967296, 4294967296)", "(99999999999999999999,)"}) {
        CAPTURE(shape);
        const std::string header =
            "{'descr': '<f4', 'fortran_order': False, 'shape': " + std::string(shape) + "}";
        CHECK(refusal(npy(header, "abcd")).rfind(kNone, 0) == 0);
    }
    // Each size is within the file, and their product is 2^64.
    const std::string sizes = "(256, 256, 256, 256, 256, 256, 256, 256)";
    const std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': " + sizes + "}";
    CHECK(refusal(npy(header, std::string(256, 'a'))).rfind(kNone, 0) == 0);
}

TEST_CASE("other types are named as NumPy names them") {
    const auto of = [](const std::string& descr) {
        return refusal(npy("{'descr': '" + descr + "', 'fortran_order': False, 'shape': (1, 2)}",
                           std::string(64, '\0')));
    };
    CHECK(of("<f8") ==
          "a.npy is float64 [1, 2], expected uint8 or float32; build the bundle again");
    CHECK(of("<i2").find("int16") != std::string::npos);
    CHECK(of("|b1").find("bool") != std::string::npos);
    CHECK(of(">f4").find(">f4") != std::string::npos);
    CHECK(refusal(npy("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2)}", "12345678"))
              .find("Fortran order") != std::string::npos);
}
