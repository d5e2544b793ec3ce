#include "stream/failure.hpp"

#include <cstdarg>
#include <cstdio>

namespace facedge {

facedge_code fail_slot(Slot& slot, facedge_code code, const char* format, ...) {
    if (slot.status != FACEDGE_OK) return slot.status;
    va_list values;
    va_start(values, format);
    std::vsnprintf(slot.message, sizeof slot.message, format, values);
    va_end(values);
    return slot.status = code;
}

facedge_code fail_slot(Slot& slot, const Model& model, int reported, facedge_error& error) {
    return fail_slot(slot, backend_code(reported), "%s failed on %s in frame %llu: %s",
                     model.artifact().backend.c_str(), model.manifest().name.c_str(),
                     static_cast<unsigned long long>(slot.frame), backend_text(error));
}

}  // namespace facedge
