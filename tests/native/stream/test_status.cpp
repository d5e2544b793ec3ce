#include "log.hpp"
#include "status.hpp"
#include "stream/fixture.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

TEST_CASE("every thread has a last error of its own, empty at first") {
    facedge::fail(FACEDGE_EINVAL, "mine is %d", 1);
    std::string other = "not asked";
    std::thread([&] { other = facedge_last_error(); }).join();
    CHECK(other.empty());
    CHECK(std::string(facedge_last_error()) == "mine is 1");
}

TEST_CASE("a long error is cut, and between characters") {
    facedge::fail(FACEDGE_EINVAL, "%s", std::string(5000, 'x').c_str());
    const size_t most = std::string(facedge_last_error()).size();
    CHECK(most < 5000);
    for (size_t before = 0; before < 4; ++before) {  // the cut falls on every byte of a character
        std::string text(before, 'x');
        for (int i = 0; i < 1000; ++i) text += "\xF0\x9F\x98\x80";
        facedge::fail(FACEDGE_EINVAL, "%s", text.c_str());
        const std::string kept = facedge_last_error();
        CHECK(kept == text.substr(0, kept.size()));
        CHECK((kept.size() - before) % 4 == 0);
        CHECK(kept.size() + 4 > most);  // no more than needed is lost
    }
}

TEST_CASE("a text that fits ends where it ends") {
    const std::string text = "caf\xC3\xA9";
    facedge::fail(FACEDGE_EINVAL, "%s", text.c_str());
    CHECK(facedge_last_error() == text);
}

TEST_CASE("every code has a text of its own") {
    std::vector<std::string> texts;
    for (int code = FACEDGE_OK; code >= FACEDGE_ENOMEM; --code) {
        for (const std::string& other : texts) CHECK(other != facedge_strerror(code));
        texts.push_back(facedge_strerror(code));
        CHECK_FALSE(texts.back().empty());
    }
    CHECK(std::string(facedge_strerror(-1000)) == facedge_strerror(1000));
}

TEST_CASE("the version is that of the header") {
    CHECK(facedge_version() == (FACEDGE_API_MAJOR << 16 | FACEDGE_API_MINOR));
}

TEST_CASE("the action units are those of ABAW2") {
    CHECK(facedge_action_units[0] == 1);
    CHECK(facedge_action_units[FACEDGE_ACTION_UNITS - 1] == 26);
}

namespace {

using Lines = std::vector<std::pair<int, std::string>>;

void collect(void* user, facedge_log_level level, const char* text) {
    static_cast<Lines*>(user)->emplace_back(level, text);
}

struct Silence {
    ~Silence() { facedge_set_log(nullptr, nullptr, FACEDGE_LOG_ERROR); }
};

}  // namespace

TEST_CASE("log messages reach the callback up to the level, one line each") {
    const Silence after;
    Lines lines;
    facedge_set_log(collect, &lines, FACEDGE_LOG_INFO);
    facedge::log(FACEDGE_LOG_INFO, "two\nlines of %d", 2);
    facedge::log(FACEDGE_LOG_DEBUG, "too much");
    facedge::log(FACEDGE_LOG_ERROR, "%s", std::string(5000, 'x').c_str());
    REQUIRE(lines.size() == 2);
    CHECK(lines[0] == std::make_pair(int{FACEDGE_LOG_INFO}, std::string("two lines of 2")));
    CHECK(lines[1].second.size() < 5000);
    facedge_set_log(nullptr, nullptr, FACEDGE_LOG_DEBUG);
    facedge::log(FACEDGE_LOG_ERROR, "nobody hears");
    CHECK(lines.size() == 2);
}

TEST_CASE("back ends log through the same callback") {
    const Silence after;
    Lines lines;
    facedge_set_log(collect, &lines, FACEDGE_LOG_DEBUG);
    fixture::open_model(fake::super_resolution());
    const auto line =
        std::make_pair(int{FACEDGE_LOG_DEBUG}, std::string("the fake back end opened an engine"));
    CHECK(std::find(lines.begin(), lines.end(), line) != lines.end());
}
