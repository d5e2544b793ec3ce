#include "library.hpp"

#include "elf.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace facedge::plugin {
namespace {

namespace fs = std::filesystem;

bool is_versioned(const std::string& file, const std::string& name) {
    return file == name || file.compare(0, name.size() + 1, name + ".") == 0;
}

std::vector<std::string> candidates_in(const fs::path& folder,
                                       const std::vector<std::string>& names) {
    std::vector<std::string> found;
    std::error_code ignored;
    for (fs::directory_iterator at(folder, ignored), end; at != end; at.increment(ignored)) {
        const std::string file = at->path().filename().string();
        const auto matches = [&](const std::string& name) { return is_versioned(file, name); };
        if (std::any_of(names.begin(), names.end(), matches)) found.push_back(at->path().string());
    }
    std::sort(found.begin(), found.end());
    return found;
}

std::string either(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : " or ") + name;
    return text;
}

}  // namespace

Status open_library(const LibrarySearch& search, Library& out) {
    const std::string product = search.product;
    const char* given = search.given && *search.given ? search.given : nullptr;
    const char* variable = given ? nullptr : std::getenv(search.variable);
    const std::string place = given ? given : variable ? variable : "";

    std::vector<std::string> files = search.names;
    std::error_code ignored;
    if (!place.empty()) {
        files = {place};
        if (fs::is_directory(place, ignored)) files = candidates_in(place, search.names);
    }
    const std::string advice =
        place.empty() ? "; install " + product + " or set " + search.variable +
                            " to its library or the folder that has it"
                      : std::string("; correct ") + (given ? "`library`" : search.variable) +
                            ", which has to name " + either(search.names) + " or its folder";
    if (files.empty()) return {FACEDGE_EBACKEND, product + " is not in " + place + advice};

    std::string tried;
    for (const std::string& file : files) {
        if (!is_whole(file)) {
            tried += (tried.empty() ? "" : "; ") + file + " was cut short";
            continue;
        }
        void* handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (handle && dlsym(handle, search.entry)) {
            out = {handle, file};
            return {};
        }
        // dlerror begins with the file's name, unless it is about another library.
        const char* reason = handle ? nullptr : dlerror();
        tried += tried.empty() ? "" : "; ";
        tried += reason ? reason : file + " has no " + search.entry;
    }
    return {FACEDGE_EBACKEND, product + " cannot be loaded (" + tried + ")" + advice};
}

void* symbol(const Library& library, const char* name) { return dlsym(library.handle, name); }

}  // namespace facedge::plugin
