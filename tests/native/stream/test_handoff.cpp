#include "stream/handoff.hpp"

#include <doctest/doctest.h>
#include <poll.h>

#include <thread>

using facedge::Handoff;

namespace {

bool readable(int fd) {
    pollfd entry = {fd, POLLIN, 0};
    return ::poll(&entry, 1, 0) == 1;
}

}  // namespace

TEST_CASE("three counters say what may happen") {
    Handoff handoff(2);
    CHECK(handoff.idle());
    handoff.accept();
    CHECK_FALSE(handoff.idle());
    CHECK_FALSE(handoff.full());
    handoff.accept();
    CHECK(handoff.full());
    CHECK_FALSE(handoff.ready());
    uint64_t frame = 99;
    CHECK(handoff.next(frame));
    CHECK(frame == 0);
    handoff.finish();
    CHECK(handoff.ready());
    CHECK(handoff.full());
    handoff.take();
    CHECK_FALSE(handoff.full());
    CHECK(handoff.next(frame));
    CHECK(frame == 1);
    handoff.finish();
    CHECK(handoff.idle());
}

TEST_CASE("the descriptor is readable while results wait, also those from before it was made") {
    Handoff handoff(3);
    for (int i = 0; i < 2; ++i) {
        handoff.accept();
        handoff.finish();
    }
    const int fd = handoff.fd();
    REQUIRE(fd >= 0);
    CHECK(handoff.fd() == fd);
    CHECK(readable(fd));
    handoff.take();
    CHECK(readable(fd));
    handoff.take();
    CHECK_FALSE(readable(fd));
    handoff.accept();
    CHECK_FALSE(readable(fd));
    handoff.finish();
    CHECK(readable(fd));
}

TEST_CASE("waiting ends with a result, with the time, or when nothing is under way") {
    Handoff handoff(2);
    CHECK_FALSE(handoff.wait_ready(-1));  // nothing under way: no time passes
    handoff.accept();
    CHECK_FALSE(handoff.wait_ready(0));
    CHECK_FALSE(handoff.wait_ready(1));
    std::thread player([&] { handoff.finish(); });
    CHECK(handoff.wait_ready(-1));
    player.join();
}

TEST_CASE("after stop the frames under way are still played") {
    Handoff handoff(2);
    handoff.accept();
    handoff.stop();
    uint64_t frame = 99;
    CHECK(handoff.next(frame));
    handoff.finish();
    CHECK_FALSE(handoff.next(frame));
}
