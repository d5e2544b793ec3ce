// Finding the library that a plug-in drives.
#pragma once

#include "status.hpp"

#include <string>
#include <vector>

namespace facedge::plugin {

struct LibrarySearch {
    const char* product;             // what to call it in messages, such as "onnxruntime"
    const char* given;               // a file or a folder; NULL or "": see `variable`
    const char* variable;            // environment variable with a file or a folder
    std::vector<std::string> names;  // what the dynamic linker is asked for otherwise, best first
    const char* entry;               // a function that tells the library from any other
};

struct Library {
    void* handle = nullptr;
    std::string file;  // as it was opened
};

// Opens the first that loads and has the entry. In a folder, every file is a candidate whose name
// is one of `names` or begins with one and a dot. A file or folder that was named is not replaced
// by another. FACEDGE_EBACKEND with what was tried.
//
// A library that was opened is never closed: back ends leave threads and exit handlers behind, and
// unloading one under them crashes the process.
Status open_library(const LibrarySearch& search, Library& out);

// The first function called `name`, or NULL.
void* symbol(const Library& library, const char* name);

}  // namespace facedge::plugin
