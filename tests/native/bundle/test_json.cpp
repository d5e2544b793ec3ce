#include "bundle/json.hpp"

#include <doctest/doctest.h>

using namespace facedge::json;

TEST_CASE("a document becomes a tree in its own order") {
    Value value;
    REQUIRE(parse(R"({"b": [1, -2.5, true, null], "a": {"x": "\u00e9\n"}})", value).empty());
    REQUIRE(value.kind == Value::Kind::kObject);
    CHECK(value.keys == std::vector<std::string>{"b", "a"});
    const Value& list = *value.find("b");
    REQUIRE(list.items.size() == 4);
    CHECK(list.items[0].integer == 1);
    CHECK(list.items[1].real == -2.5);
    CHECK(list.items[2].truth);
    CHECK(list.items[3].kind == Value::Kind::kNull);
    CHECK(value.find("a")->find("x")->text == "\xc3\xa9\n");
    CHECK(value.find("c") == nullptr);
}

TEST_CASE("integers beyond 64 bits are integers that do not fit") {
    Value value;
    for (const char* text :
         {"9223372036854775808", "18446744073709551616", "-9223372036854775809"}) {
        CAPTURE(text);
        REQUIRE(parse(text, value).empty());
        CHECK(value.kind == Value::Kind::kInt);
        CHECK_FALSE(value.fits);
    }
    REQUIRE(parse("-9223372036854775808", value).empty());
    CHECK(value.fits);
    CHECK(value.integer == INT64_MIN);
    REQUIRE(parse("1e2", value).empty());
    CHECK(value.kind == Value::Kind::kFloat);
}

TEST_CASE("what is no JSON is refused with its place") {
    Value value;
    CHECK(parse("{\"a\": NaN}", value) == "JSON is malformed (byte 6)");
    CHECK(parse("", value) == "Input data was truncated");
    CHECK(parse("{\"a\": [1,", value) == "Input data was truncated");
    CHECK(parse("1e999", value).find("Number out of range") == 0);
    using namespace std::string_view_literals;
    for (const auto text : {"{} x"sv, "\xef\xbb\xbf{}"sv, "{}\0"sv, "{}\0x"sv, "\"\xff\""sv,
                            "\"\t\""sv, "01"sv, "[1,]"sv, "{\"a\":1,}"sv, "// c\n1"sv, "'a'"sv,
                            "Infinity"sv, "\"\\ud800\""sv, "+1"sv, ".5"sv, "0x10"sv, "tru"sv}) {
        CAPTURE(std::string(text));
        CHECK(parse(text, value) != "");
    }
}

TEST_CASE("nesting has a limit") {
    const auto nested = [](size_t depth) {
        return std::string(depth, '[') + std::string(depth, ']');
    };
    Value value;
    CHECK(parse(nested(32), value).empty());
    CHECK(parse(nested(33), value).find("nested deeper") != std::string::npos);
    CHECK(parse(std::string(1000000, '['), value).find("nested deeper") != std::string::npos);
    std::string objects;
    for (int i = 0; i < 100; ++i) objects += "{\"a\":";
    CHECK(parse(objects, value).find("nested deeper") != std::string::npos);
}
