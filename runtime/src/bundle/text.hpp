// Text from files, made fit for a one-line sentence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace facedge {

// One after the other. Sentences are made of it: it is a third of the code that `+` makes.
std::string join(std::initializer_list<std::string_view> parts);

// Whether the bytes are well-formed UTF-8 (Unicode 15, table 3-7).
bool is_utf8(std::string_view bytes);

// Control characters as \n, \x1b, ...; the rest as it is.
std::string one_line(std::string_view text);

// In single quotes (double ones around a text with single ones), as Python's repr does.
std::string quoted(std::string_view text);

// "images, state_in"; "none" for nothing.
std::string listed(const std::vector<std::string>& names);

// "[-1, 4, 4, 3]", without the first `skip` sizes.
std::string listed(const std::vector<int64_t>& sizes, size_t skip = 0);

// A path without empty and "." components and without a slash at its end; "." for an empty one.
std::string tidy_path(std::string_view path);

}  // namespace facedge
