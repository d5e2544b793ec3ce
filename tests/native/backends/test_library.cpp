#include "plugins/common/library.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

using namespace facedge::plugin;
using facedge::Status;
namespace fs = std::filesystem;

namespace {

// FACEDGE_OLD_LIBRARIES: the folder of libonnxruntime.so.1.10.0, whose entry is OrtGetApiBase.
const std::string kFolder = FACEDGE_OLD_LIBRARIES;
const std::string kFile = kFolder + "/libonnxruntime.so.1.10.0";

LibrarySearch search(const char* given) {
    return {"onnxruntime",
            given,
            "FACEDGE_TEST_LIBRARY",
            {"libonnxruntime.so.1", "libonnxruntime.so"},
            "OrtGetApiBase"};
}

struct Variable {
    explicit Variable(const std::string& value) {
        setenv("FACEDGE_TEST_LIBRARY", value.c_str(), 1);
    }
    ~Variable() { unsetenv("FACEDGE_TEST_LIBRARY"); }
};

struct Folder {
    fs::path path = fs::temp_directory_path() / ("facedge-library-" + std::to_string(::getpid()));
    Folder() { fs::create_directories(path); }
    ~Folder() { fs::remove_all(path); }
    void text(const char* name) const { std::ofstream(path / name) << "not a library\n"; }
};

bool has(const Status& status, const std::string& words) {
    return status.code() == FACEDGE_EBACKEND && status.message().find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("a library is named by its file or by its folder") {
    Library library;
    REQUIRE(open_library(search(kFile.c_str()), library));
    CHECK(library.file == kFile);
    CHECK(symbol(library, "OrtGetApiBase") != nullptr);
    CHECK(symbol(library, "no_such_function") == nullptr);
    REQUIRE(open_library(search(kFolder.c_str()), library));
    CHECK(library.file == kFile);
}

TEST_CASE("the variable counts when nothing is given, and not otherwise") {
    const Variable variable(kFolder);
    Library library;
    CHECK(open_library(search(nullptr), library));
    CHECK(open_library(search(""), library));
    CHECK(has(open_library(search("/no/such/library.so"), library), "/no/such/library.so"));
}

TEST_CASE("what was tried is named when nothing is found") {
    Library library;
    const Status status = open_library(search(nullptr), library);
    CHECK(has(status, "onnxruntime cannot be loaded (libonnxruntime.so.1: "));
    CHECK(has(status, "; libonnxruntime.so: "));
    CHECK(has(status, "install onnxruntime or set FACEDGE_TEST_LIBRARY to"));
    CHECK(library.handle == nullptr);
}

TEST_CASE("a text file, a folder without the library and another library are refused") {
    const Folder folder;
    folder.text("libonnxruntime.so.1");
    folder.text("libonnxruntime.sound");
    Library library;
    const std::string file = (folder.path / "libonnxruntime.so.1").string();
    CHECK(has(open_library(search(file.c_str()), library), file + ": "));
    CHECK(has(open_library(search(file.c_str()), library), "; correct `library`, which has to name "
                                                           "libonnxruntime.so.1 or"));
    const Variable variable(folder.path.string());
    CHECK(has(open_library(search(nullptr), library), file + ": "));
    CHECK(has(open_library(search(nullptr), library), "; correct FACEDGE_TEST_LIBRARY"));
    CHECK_FALSE(has(open_library(search(nullptr), library), "sound"));
    fs::remove(file);
    CHECK(has(open_library(search(nullptr), library),
              "onnxruntime is not in " + folder.path.string()));

    const std::string other = kFolder + "/libopenvino_c.so.2460";
    CHECK(has(open_library(search(other.c_str()), library), other + " has no OrtGetApiBase"));
    CHECK(library.handle == nullptr);
}

TEST_CASE("a library that was cut short is refused before it is mapped") {
    const Folder folder;
    for (const std::uintmax_t size : {1000, 100, 64, 63}) {
        const fs::path part = folder.path / ("libonnxruntime.so." + std::to_string(size));
        fs::copy_file(kFile, part);
        fs::resize_file(part, size);
        Library library;
        CHECK(has(open_library(search(part.string().c_str()), library), part.string()));
        CHECK(library.handle == nullptr);
    }
}

TEST_CASE("in a folder a file that does not load is passed over") {
    const Folder folder;
    folder.text("libonnxruntime.so");
    fs::copy_file(kFile, folder.path / "libonnxruntime.so.2");
    Library library;
    REQUIRE(open_library(search(folder.path.c_str()), library));
    CHECK(library.file == (folder.path / "libonnxruntime.so.2").string());
}
