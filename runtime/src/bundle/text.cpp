#include "bundle/text.hpp"

#include <algorithm>

namespace facedge {
namespace {

void append_escaped(std::string& out, unsigned char c) {
    static const char digits[] = "0123456789abcdef";
    switch (c) {
        case '\n': out += "\\n"; return;
        case '\r': out += "\\r"; return;
        case '\t': out += "\\t"; return;
        default: break;
    }
    if (c >= 0x20 && c != 0x7f) {
        out += static_cast<char>(c);
        return;
    }
    out += "\\x";
    out += digits[c >> 4];
    out += digits[c & 15];
}

// Bytes of the UTF-8 sequence at the start of `s`; 0 where there is none.
size_t sequence(std::string_view s) {
    const auto byte = [&](size_t i) { return i < s.size() ? uint8_t(s[i]) : uint8_t(0); };
    const auto follows = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
    const uint8_t first = byte(0), second = byte(1);
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        const bool overlong = first == 0xE0 && second < 0xA0;
        const bool surrogate = first == 0xED && second > 0x9F;
        return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        const bool overlong = first == 0xF0 && second < 0x90;
        const bool beyond = first == 0xF4 && second > 0x8F;
        return follows(1) && follows(2) && follows(3) && !overlong && !beyond ? 4 : 0;
    }
    return 0;
}

}  // namespace

std::string join(std::initializer_list<std::string_view> parts) {
    std::string out;
    for (const std::string_view part : parts) out += part;
    return out;
}

bool is_utf8(std::string_view bytes) {
    while (!bytes.empty()) {
        const size_t length = sequence(bytes);
        if (length == 0) return false;
        bytes.remove_prefix(length);
    }
    return true;
}

std::string one_line(std::string_view text) {
    std::string out;
    for (const char c : text) append_escaped(out, static_cast<unsigned char>(c));
    return out;
}

std::string quoted(std::string_view text) {
    const bool single = text.find('\'') != std::string_view::npos;
    const char mark = single && text.find('"') == std::string_view::npos ? '"' : '\'';
    std::string out(1, mark);
    for (const char c : text) {
        if (c == mark || c == '\\') out += '\\';
        append_escaped(out, static_cast<unsigned char>(c));
    }
    out += mark;
    return out;
}

std::string listed(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names) {
        if (!out.empty()) out += ", ";
        out += one_line(name);
    }
    return out.empty() ? "none" : out;
}

std::string listed(const std::vector<int64_t>& sizes, size_t skip) {
    std::string out = "[";
    for (size_t i = skip; i < sizes.size(); ++i) {
        if (i > skip) out += ", ";
        out += std::to_string(sizes[i]);
    }
    out += ']';
    return out;
}

std::string tidy_path(std::string_view path) {
    std::string out = path.substr(0, 1) == "/" ? "/" : "";
    while (!path.empty()) {
        const std::string_view part = path.substr(0, path.find('/'));
        if (!part.empty() && part != ".") {
            if (!out.empty() && out != "/") out += '/';
            out += part;
        }
        path.remove_prefix(std::min(path.size(), part.size() + 1));
    }
    return out.empty() ? "." : out;
}

}  // namespace facedge
