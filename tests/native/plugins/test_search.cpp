#include "plugins/environment.hpp"
#include "plugins/search.hpp"

#include <doctest/doctest.h>

#include <filesystem>

using namespace facedge;

TEST_CASE("a back end's file has underscores for hyphens") {
    CHECK(plugin_file("onnxruntime") == "libfacedge_backend_onnxruntime.so");
    CHECK(plugin_file("tensorrt-rtx") == "libfacedge_backend_tensorrt_rtx.so");
}

TEST_CASE("a back end's name cannot lead out of the plug-in folder") {
    CHECK(is_backend_name("tensorrt-rtx"));
    CHECK(is_backend_name("fake_2"));
    for (const char* name : {"", "../evil", "a/b", ".", "UPPER", "with space", "nul\n"})
        CHECK_FALSE(is_backend_name(name));
    CHECK_FALSE(is_backend_name(std::string("a\0b", 3)));
    CHECK_FALSE(is_backend_name(std::string(65, 'a')));
}

TEST_CASE("plug-ins are looked for in the given folder and nowhere else") {
    const ScopedVariable path("FACEDGE_PLUGIN_PATH", "/elsewhere");
    CHECK(plugin_folders("/given") == std::vector<std::string>{"/given"});
}

TEST_CASE("without a given folder: the variable's, then beside the library") {
    const std::string own = std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
    SUBCASE("variable set") {
        const ScopedVariable path("FACEDGE_PLUGIN_PATH", "/first::/second:");
        CHECK(plugin_folders("") ==
              std::vector<std::string>{"/first", "/second", own + "/facedge", own});
    }
    SUBCASE("variable empty") {
        const ScopedVariable path("FACEDGE_PLUGIN_PATH", "");
        CHECK(plugin_folders("") == std::vector<std::string>{own + "/facedge", own});
    }
    SUBCASE("variable not set") {
        const ScopedVariable path("FACEDGE_PLUGIN_PATH", nullptr);
        CHECK(plugin_folders("") == std::vector<std::string>{own + "/facedge", own});
    }
}
