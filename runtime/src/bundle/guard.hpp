// Turns what the standard library throws into a Status, at the borders of this folder.
#pragma once

#include "status.hpp"

#include <exception>
#include <new>

namespace facedge {

template <class Work>
Status guarded(const Work& work) noexcept {
    try {
        try {
            return work();
        } catch (const std::bad_alloc&) {
            return Status(FACEDGE_ENOMEM, "out of memory while reading a bundle; free some, or "
                                          "play a smaller one");
        } catch (const std::exception& error) {  // such as a length beyond max_size()
            return Status(FACEDGE_ENOMEM, std::string("reading a bundle failed: ") + error.what());
        }
    } catch (...) {
        return Status(FACEDGE_ENOMEM, "out of memory");  // short enough to need none
    }
}

}  // namespace facedge
