// Where plug-ins lie.
#pragma once

#include <string>
#include <vector>

namespace facedge {

// Lower-case letters, digits, '-' and '_', at most 64: a bundle names its back ends, and no name
// may lead out of the plug-in folder.
bool is_backend_name(const std::string& name);

// "tensorrt-rtx" -> "libfacedge_backend_tensorrt_rtx.so".
std::string plugin_file(const std::string& name);

// The folders to look in, in order: `plugin_dir` if given; else those of FACEDGE_PLUGIN_PATH
// (separated by colons), then facedge/ beside this library, then this library's own folder.
std::vector<std::string> plugin_folders(const std::string& plugin_dir);

}  // namespace facedge
