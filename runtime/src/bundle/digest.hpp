// SHA-256 sums in a bundle: how the manifest carries its own, and what is said when one differs.
#pragma once

#include "status.hpp"

#include <string>
#include <string_view>

namespace facedge {

// FACEDGE_EBUNDLE, naming `file`, where the hashes differ.
Status compare_hash(const std::string& file, const std::string& found, const std::string& expected);

// Compares the manifest's "digest" with the SHA-256 of `bytes` in which its 64 digits are zeros.
Status check_digest(std::string_view bytes, const std::string& file);

// What every refusal of a damaged bundle ends in.
inline constexpr char kRebuild[] =
    "build the bundle again, or copy it again from where it was built";

}  // namespace facedge
