// The edge of a plug-in: inside, functions return a Status and may throw; outside, a code and one
// line of text.
#pragma once

#include "status.hpp"

#include <facedge/facedge_backend.h>

#include <exception>
#include <new>
#include <string>

namespace facedge::plugin {

// Writes `message` as one line of valid length into `error` and returns `code`. Line breaks and
// runs of spaces become one space; what does not fit is cut between characters. Allocates nothing.
int report(facedge_code code, const char* message, facedge_error* error) noexcept;

// Calls `work`, which returns a Status; what it throws becomes an error too.
template <class Work>
int guarded(facedge_error* error, Work&& work) noexcept {
    try {
        const Status status = work();
        return status ? FACEDGE_OK : report(status.code(), status.message().c_str(), error);
    } catch (const std::bad_alloc&) {
        return report(FACEDGE_ENOMEM,
                      "there is not enough memory; use smaller batches or fewer "
                      "streams",
                      error);
    } catch (const std::exception& failure) {
        return report(FACEDGE_EBACKEND, failure.what(), error);
    } catch (...) {
        return report(FACEDGE_EBACKEND, "the back end failed and gave no reason", error);
    }
}

// Refuses a host's structure that lacks members this plug-in reads.
template <class Structure>
Status check_size(const Structure& structure, const char* name) {
    if (structure.size >= sizeof(Structure)) return {};
    return {FACEDGE_EVERSION, std::string(name) + " has " + std::to_string(structure.size) +
                                  " bytes and this plug-in reads " +
                                  std::to_string(sizeof(Structure)) +
                                  "; install libfacedge and its plug-ins of the same version"};
}

}  // namespace facedge::plugin
