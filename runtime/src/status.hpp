// How the inside reports failures: a facedge_code and one sentence, never an exception across the
// C interface.
#pragma once

#include <facedge/facedge.h>

#include <string>
#include <utility>

namespace facedge {

// For work that may allocate: opening, loading, verifying.
class Status {
public:
    Status() = default;
    Status(facedge_code code, std::string message) : code_(code), message_(std::move(message)) {}

    explicit operator bool() const { return code_ == FACEDGE_OK; }
    facedge_code code() const { return code_; }
    const std::string& message() const { return message_; }

private:
    facedge_code code_ = FACEDGE_OK;
    std::string message_;
};

// Sets the calling thread's facedge_last_error() from a printf format and returns `code`. Allocates
// nothing; longer texts are cut.
[[gnu::format(printf, 2, 3)]] int fail(facedge_code code, const char* format, ...);

// The same from a Status.
int fail(const Status& status);

}  // namespace facedge
