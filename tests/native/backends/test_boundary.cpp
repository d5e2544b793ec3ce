#include "plugins/common/boundary.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <stdexcept>
#include <string>

using namespace facedge::plugin;
using facedge::Status;

namespace {

std::string reported(const std::string& message) {
    facedge_error error;
    std::memset(&error, 'x', sizeof error);
    CHECK(report(FACEDGE_EBACKEND, message.c_str(), &error) == FACEDGE_EBACKEND);
    REQUIRE(std::memchr(error.text, '\0', sizeof error.text) != nullptr);
    return error.text;
}

}  // namespace

TEST_CASE("a message becomes one line") {
    CHECK(reported("\n a\tb \r\n\n c\n") == "a b c");
    CHECK(reported("") == "");
    CHECK(reported("\n\n") == "");
}

TEST_CASE("a message that does not fit is cut between characters") {
    const std::string exact(FACEDGE_ERROR_TEXT - 1, 'a');
    CHECK(reported(exact) == exact);
    CHECK(reported(exact + "b") == exact);
    CHECK(reported(exact + " ") == exact);
    // The two bytes of the last letter would straddle the end.
    const std::string letters = std::string(FACEDGE_ERROR_TEXT - 2, 'a') + "\xC3\xA9";
    CHECK(reported(letters) == std::string(FACEDGE_ERROR_TEXT - 2, 'a'));
    CHECK(reported(std::string(FACEDGE_ERROR_TEXT - 3, 'a') + "\xC3\xA9" + "b") ==
          std::string(FACEDGE_ERROR_TEXT - 3, 'a') + "\xC3\xA9");
}

TEST_CASE("a caller may want no text") {
    CHECK(report(FACEDGE_EINVAL, "unread", nullptr) == FACEDGE_EINVAL);
}

TEST_CASE("what is thrown inside comes out as a code and a sentence") {
    facedge_error error = {};
    CHECK(guarded(&error, [] { return Status(); }) == FACEDGE_OK);
    CHECK(guarded(&error, [] { return Status(FACEDGE_EBUNDLE, "it is torn"); }) == FACEDGE_EBUNDLE);
    CHECK(std::string(error.text) == "it is torn");
    CHECK(guarded(&error, []() -> Status { throw std::bad_alloc(); }) == FACEDGE_ENOMEM);
    CHECK(std::string(error.text).find("not enough memory") != std::string::npos);
    CHECK(guarded(&error, []() -> Status { throw std::runtime_error("a hole"); }) ==
          FACEDGE_EBACKEND);
    CHECK(std::string(error.text) == "a hole");
    CHECK(guarded(&error, []() -> Status { throw 7; }) == FACEDGE_EBACKEND);
    CHECK(std::string(error.text) == "the back end failed and gave no reason");
}

TEST_CASE("a host's structure of an older version is refused, of a newer one not") {
    facedge_lane_settings settings = {};
    settings.size = sizeof settings;
    CHECK(check_size(settings, "facedge_lane_settings"));
    settings.size = sizeof settings + 8;
    CHECK(check_size(settings, "facedge_lane_settings"));
    settings.size = sizeof settings - 8;
    const Status status = check_size(settings, "facedge_lane_settings");
    CHECK(status.code() == FACEDGE_EVERSION);
    CHECK(status.message().find("facedge_lane_settings has") == 0);
}
