// Whether a shared object is all there, asked before dlopen: the dynamic linker maps a file that was
// cut short, as by a full disk, and the process then dies of SIGBUS.
#pragma once

#include <string>

namespace facedge::plugin {

// Whether every segment that `file` promises to the linker lies within it. True as well where that
// cannot be told, since dlopen has a sentence for what is no shared object at all.
bool is_whole(const std::string& file);

}  // namespace facedge::plugin
