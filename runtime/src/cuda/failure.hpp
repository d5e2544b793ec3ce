// How the CUDA side reports failures inside: by exception, turned into a code and a sentence at the
// C interface. Nothing is thrown, and nothing allocated, while all goes well.
#pragma once

#include "status.hpp"

#include <stdexcept>
#include <string>

namespace facedge::cuda {

class Failure : public std::runtime_error {
public:
    Failure(facedge_code code, const std::string& sentence)
        : std::runtime_error(sentence), code_(code) {}

    explicit Failure(const Status& status) : Failure(status.code(), status.message()) {}

    Status status() const { return {code_, what()}; }

private:
    facedge_code code_;
};

// Throws unless `status` is FACEDGE_OK.
inline void require(const Status& status) {
    if (!status) throw Failure(status);
}

}  // namespace facedge::cuda
