// The folder around a manifest: what lies in it, and what is read from it.
#include "bundle/bundle.hpp"
#include "bundle/files.hpp"
#include "manifest_text.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

using namespace facedge;
namespace fs = std::filesystem;

namespace {

void write(const fs::path& path, const std::string& bytes) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
}

// A bundle in a temporary folder that goes with it. Its files hold their own names.
class Folder {
public:
    Folder() {
        std::string text = (fs::temp_directory_path() / "facedge-test-XXXXXX").string();
        REQUIRE(mkdtemp(text.data()) != nullptr);
        path = fs::path(text);
        std::string manifest = sound_manifest();
        const char* hashes[] = {"\"11\"", "\"22\"", "\"33\"", "\"44\""};
        const char* names[] = {"onnx/portable.onnx", "engines/a.plan", "golden/images.npy",
                               "golden/restored.npy"};
        for (size_t i = 0; i < 4; ++i) {
            const std::string content = names[i];
            write(path / names[i], content);
            manifest = replaced(manifest, hashes[i],
                                '"' + sha256_hex(content.data(), content.size()) + '"');
        }
        write(path / "manifest.json", sealed(manifest));
    }
    ~Folder() { fs::remove_all(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    std::string refusal(bool hashes = true) const {
        Bundle bundle;
        const Status status = Bundle::load(path.string(), hashes, bundle);
        if (!status) CHECK(status.code() == FACEDGE_EBUNDLE);
        return status.message();
    }

    fs::path path;
};

bool contains(const std::string& text, const std::string& words) {
    return text.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("a sound bundle loads and is read") {
    const Folder folder;
    Bundle bundle;
    REQUIRE(Bundle::load(folder.path.string() + "//./", true, bundle));
    CHECK(bundle.folder() == folder.path.string());
    std::vector<uint8_t> bytes;
    REQUIRE(bundle.read("engines/a.plan", bytes));
    CHECK(std::string(bytes.begin(), bytes.end()) == "engines/a.plan");
}

TEST_CASE("what is read is what was hashed, even when it changed after loading") {
    const Folder folder;
    Bundle bundle;
    REQUIRE(Bundle::load(folder.path.string(), true, bundle));
    std::vector<uint8_t> bytes = {1};
    write(folder.path / "engines/a.plan", "engines/b.plan");
    CHECK(contains(bundle.read("engines/a.plan", bytes).message(), "was altered or truncated"));
    CHECK(bytes == std::vector<uint8_t>{1});
    fs::remove(folder.path / "engines/a.plan");
    CHECK(contains(bundle.read("engines/a.plan", bytes).message(), "cannot be read: No such file"));
    CHECK(contains(bundle.read("notes.txt", bytes).message(), "is not listed in manifest.json"));
    fs::remove_all(folder.path);
    CHECK(bundle.read("engines/a.plan", bytes).code() == FACEDGE_EBUNDLE);
}

TEST_CASE("a file swapped for a link after loading is not followed") {
    const Folder folder;
    Bundle bundle;
    REQUIRE(Bundle::load(folder.path.string(), true, bundle));
    fs::rename(folder.path / "engines", folder.path / "elsewhere");
    fs::create_directory_symlink("elsewhere", folder.path / "engines");
    std::vector<uint8_t> bytes;
    CHECK(contains(bundle.read("engines/a.plan", bytes).message(), "cannot be read"));
    fs::remove(folder.path / "engines");
    fs::create_directory(folder.path / "engines");
    fs::create_symlink("../elsewhere/a.plan", folder.path / "engines/a.plan");
    CHECK(contains(bundle.read("engines/a.plan", bytes).message(), "cannot be read"));
}

TEST_CASE("a link in place of a file or a folder is refused, hashed or not") {
    const Folder folder;
    fs::rename(folder.path / "engines", folder.path / "elsewhere");
    fs::create_directory_symlink("elsewhere", folder.path / "engines");
    CHECK(contains(folder.refusal(false), "elsewhere/a.plan is not listed"));
    fs::remove(folder.path / "engines");
    fs::rename(folder.path / "elsewhere", folder.path / "engines");
    CHECK(folder.refusal() == "");
    fs::rename(folder.path / "golden", folder.path / "elsewhere");
    fs::create_directory_symlink("elsewhere", folder.path / "golden");
    for (const bool hashes : {false, true})
        CHECK(contains(folder.refusal(hashes), "is missing, a link or not a file"));
    fs::remove(folder.path / "golden");
    fs::rename(folder.path / "elsewhere", folder.path / "golden");
    fs::rename(folder.path / "golden/images.npy", folder.path / "images.npy");
    fs::create_symlink("../images.npy", folder.path / "golden/images.npy");
    CHECK(contains(folder.refusal(false), "images.npy is listed in manifest.json and is missing"));
}

TEST_CASE("a pipe in place of a file neither blocks nor is read") {
    const Folder folder;
    fs::remove(folder.path / "engines/a.plan");
    REQUIRE(mkfifo((folder.path / "engines/a.plan").c_str(), 0600) == 0);
    CHECK(contains(folder.refusal(), "is missing, a link or not a file"));
    File file;
    CHECK(open_inside(folder.path.string(), "engines/a.plan", file) == EINVAL);
    CHECK(open_inside(folder.path.string(), "engines", file) == EISDIR);
    fs::remove(folder.path / "manifest.json");
    REQUIRE(mkfifo((folder.path / "manifest.json").c_str(), 0600) == 0);
    CHECK(contains(folder.refusal(), "manifest.json cannot be read"));
}

TEST_CASE("files of absurd size are refused, not allocated") {
    const Folder folder;
    fs::resize_file(folder.path / "engines/a.plan", uintmax_t{1} << 40);  // sparse
    CHECK(contains(folder.refusal(), "a.plan cannot be read: it is larger"));
    Bundle bundle;
    REQUIRE(Bundle::load(folder.path.string(), false, bundle));
    std::vector<uint8_t> bytes;
    CHECK(contains(bundle.read("engines/a.plan", bytes).message(), "it is larger"));
    fs::resize_file(folder.path / "manifest.json", uintmax_t{1} << 40);
    CHECK(contains(folder.refusal(), "manifest.json cannot be read: it is larger"));
}

TEST_CASE("unlisted graphs and plans are refused at any depth") {
    for (const char* name : {"x.onnx", "a/b/c/x.PLAN", "engines/b.engine", ".hidden/x.trt"}) {
        const Folder folder;
        write(folder.path / name, "code");
        CAPTURE(name);
        CHECK(contains(folder.refusal(false), std::string(name) + " is not listed"));
    }
    const Folder folder;
    write(folder.path / "x.onnx.txt", "text");
    fs::create_directories(folder.path / "folder.plan");
    fs::create_directory_symlink("/", folder.path / "root.plan");  // a folder: never descended into
    CHECK(folder.refusal() == "");
    fs::create_symlink("nowhere", folder.path / "dangling.plan");
    CHECK(contains(folder.refusal(), "dangling.plan is not listed"));
}

TEST_CASE("paths inside and outside") {
    for (const char* name : {"a", "a/b", "a..b/..c", "./a", "a//b"}) CHECK(is_inside(name));
    for (const char* name : {"", "/", "/a", "..", "../a", "a/..", "a/../b", "a\\b"})
        CHECK_FALSE(is_inside(name));
    const Folder folder;
    const std::string path = folder.path.string();
    CHECK(is_own_file(path, "engines/a.plan"));
    CHECK(is_own_file(path, "./engines//a.plan"));
    CHECK_FALSE(is_own_file(path, "."));
    CHECK_FALSE(is_own_file(path, "engines"));
    CHECK_FALSE(is_own_file(path, std::string("engines/a.plan\0x", 16)));
    CHECK_FALSE(is_own_file(path, std::string(5000, 'a')));
}

TEST_CASE("the folder of a bundle must be one") {
    Bundle bundle;
    CHECK(contains(Bundle::load("/nowhere/at/all", true, bundle).message(), "is not a folder"));
    CHECK(contains(Bundle::load("", true, bundle).message(), ". has no manifest.json"));
}
