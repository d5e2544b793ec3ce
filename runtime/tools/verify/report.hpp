// What facedge-verify prints.
#pragma once

#include "verify.hpp"

#include <string>

namespace facedge::verify {

// A table for people.
//   files  how many were compared with their hashes
std::string table(const Options& options, size_t files, const Report& report);

// One JSON object. `sentence` and `exit_code` are there when the code is not 0.
std::string json(const Options& options, size_t files, const Report& report,
                 const std::string& sentence, int exit_code);

// The JSON object of a test that did not come to its end.
std::string json(const std::string& sentence, int exit_code);

}  // namespace facedge::verify
