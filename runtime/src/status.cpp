#include "status.hpp"

#include <cstdarg>
#include <cstdio>

namespace facedge {
namespace {

thread_local char last_error[1024];

// A text cut inside a character of UTF-8 would not be UTF-8 any more.
void drop_half_character(char* text, size_t length) {
    size_t last = length - 1;  // first byte of the last character
    while (last > 0 && (static_cast<unsigned char>(text[last]) & 0xC0) == 0x80) --last;
    const auto lead = static_cast<unsigned char>(text[last]);
    const size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (last + bytes > length) text[last] = '\0';
}

}  // namespace

int fail(facedge_code code, const char* format, ...) {
    va_list values;
    va_start(values, format);
    const int length = std::vsnprintf(last_error, sizeof last_error, format, values);
    va_end(values);
    if (length >= static_cast<int>(sizeof last_error))
        drop_half_character(last_error, sizeof last_error - 1);
    return code;
}

int fail(const Status& status) { return fail(status.code(), "%s", status.message().c_str()); }

}  // namespace facedge

extern "C" {

const int32_t facedge_action_units[FACEDGE_ACTION_UNITS] = {1,  2,  4,  6,  7,  10,
                                                            12, 15, 23, 24, 25, 26};

const char* facedge_last_error(void) { return facedge::last_error; }

uint32_t facedge_version(void) { return FACEDGE_API_MAJOR << 16 | FACEDGE_API_MINOR; }

const char* facedge_strerror(int code) {
    switch (code) {
        case FACEDGE_OK: return "no error";
        case FACEDGE_EAGAIN: return "not now: poll before you submit, or nothing is ready yet";
        case FACEDGE_EINVAL: return "an argument is wrong";
        case FACEDGE_EVERSION: return "a structure or plug-in of another version";
        case FACEDGE_EBUNDLE: return "the bundle is damaged, altered or not one";
        case FACEDGE_EBACKEND: return "no back end can play it here, or the back end failed";
        case FACEDGE_EPLAN: return "the plan is for another device or TensorRT version";
        case FACEDGE_EFRAME: return "the frame's description cannot be true";
        case FACEDGE_EROI:
            return "a face lies outside the picture, or its landmarks are degenerate";
        case FACEDGE_ETOOMANY: return "more faces than settings.max_faces";
        case FACEDGE_EBUSY: return "another thread is inside this stream";
        case FACEDGE_EIO: return "the operating system refused";
        case FACEDGE_ENOMEM: return "out of memory";
        default: return "an error this version of facedge does not know";
    }
}

}  // extern "C"
