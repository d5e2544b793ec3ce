// Nanoseconds of a clock that never goes back.
#pragma once

#include <time.h>

#include <cstdint>

inline int64_t now() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return int64_t{1000000000} * time.tv_sec + time.tv_nsec;
}
