#include "bundle/guard.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <vector>

using namespace facedge;

TEST_CASE("nothing is thrown out of the loader") {
    CHECK(guarded([] { return Status(); }));
    CHECK(guarded([] { return Status(FACEDGE_EBUNDLE, "x"); }).message() == "x");
    const Status full = guarded([]() -> Status { throw std::bad_alloc(); });
    CHECK(full.code() == FACEDGE_ENOMEM);
    CHECK(full.message().find("out of memory") == 0);
    const Status longer = guarded([]() -> Status {
        std::vector<char>().reserve(std::vector<char>().max_size() + size_t{1});
        return {};
    });
    CHECK(longer.code() == FACEDGE_ENOMEM);
    CHECK(guarded([]() -> Status { throw 1; }).code() == FACEDGE_ENOMEM);
}
