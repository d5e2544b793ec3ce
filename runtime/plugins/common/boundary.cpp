#include "boundary.hpp"

namespace facedge::plugin {
namespace {

bool is_space(char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; }

// Length of the longest beginning of text[0..length) that ends between UTF-8 characters.
size_t whole_characters(const char* text, size_t length) {
    while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) --length;
    return length;
}

}  // namespace

int report(facedge_code code, const char* message, facedge_error* error) noexcept {
    if (!error) return code;
    char* text = error->text;
    size_t length = 0;
    bool gap = false;
    for (const char* c = message; *c; ++c) {
        if (is_space(*c)) {
            gap = length > 0;
            continue;
        }
        if (length + gap + 1 >= FACEDGE_ERROR_TEXT) {
            text[length] = *c;
            length = whole_characters(text, length);
            break;
        }
        if (gap) text[length++] = ' ';
        gap = false;
        text[length++] = *c;
    }
    text[length] = '\0';
    return code;
}

}  // namespace facedge::plugin
