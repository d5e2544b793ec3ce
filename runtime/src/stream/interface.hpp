// What every function of the C interface does with what it is given.
#pragma once

#include "status.hpp"

#include <exception>
#include <new>

namespace facedge {

// Refuses a structure of a size this library does not know. There is one size of each so far; an
// older one that a later version still accepts will be listed here.
template <class Struct>
int check_struct_size(const Struct& given, const char* name) {
    if (given.struct_size == sizeof(Struct)) return FACEDGE_OK;
    return fail(FACEDGE_EVERSION,
                "%s.struct_size is %zu and this libfacedge (%d.%d) knows %zu; set it as facedge.h "
                "says, and build the program with the header of this library",
                name, given.struct_size, FACEDGE_API_MAJOR, FACEDGE_API_MINOR, sizeof(Struct));
}

// A null argument.
inline int refuse_null(const char* function, const char* argument) {
    return fail(FACEDGE_EINVAL, "%s was called with %s NULL; pass a valid pointer", function,
                argument);
}

// Runs what may allocate and reports what it throws.
template <class Work>
int guarded(const char* function, Work&& work) {
    try {
        const Status status = work();
        return status ? FACEDGE_OK : fail(status);
    } catch (const std::bad_alloc&) {
        return fail(FACEDGE_ENOMEM, "%s ran out of memory", function);
    } catch (const std::exception& error) {
        return fail(FACEDGE_EINVAL, "%s failed: %s", function, error.what());
    }
}

}  // namespace facedge
