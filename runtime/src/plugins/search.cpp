#include "plugins/search.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace facedge {
namespace {

const char anchor = 0;

// The folder of the file this code was loaded from; empty if it cannot be told.
std::string own_folder() {
    Dl_info info = {};
    // An address of data: that of a function may be the program's own jump table.
    if (!dladdr(&anchor, &info) || !info.dli_fname) return {};
    const std::unique_ptr<char, void (*)(void*)> path(realpath(info.dli_fname, nullptr), std::free);
    if (!path) return {};
    const std::string file = path.get();
    return file.substr(0, file.rfind('/'));
}

}  // namespace

bool is_backend_name(const std::string& name) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    };
    return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), allowed);
}

std::string plugin_file(const std::string& name) {
    std::string word = name;
    std::replace(word.begin(), word.end(), '-', '_');
    return "libfacedge_backend_" + word + ".so";
}

std::vector<std::string> plugin_folders(const std::string& plugin_dir) {
    if (!plugin_dir.empty()) return {plugin_dir};
    std::vector<std::string> folders;
    // secure_getenv: a program with raised rights must not load what its caller names.
    if (const char* list = secure_getenv("FACEDGE_PLUGIN_PATH")) {
        const std::string text = list;
        for (size_t start = 0; start <= text.size();) {
            const size_t end = std::min(text.find(':', start), text.size());
            if (end > start) folders.push_back(text.substr(start, end - start));
            start = end + 1;
        }
    }
    if (const std::string folder = own_folder(); !folder.empty()) {
        folders.push_back(folder + "/facedge");
        folders.push_back(folder);
    }
    return folders;
}

}  // namespace facedge
