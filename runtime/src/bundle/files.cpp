#include "bundle/files.hpp"

#include "bundle/sha256.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace facedge {
namespace {

using Names = std::vector<std::string>;

constexpr size_t kPiece = 1 << 16;

Names components(std::string_view path) {
    Names parts;
    while (!path.empty()) {
        const std::string_view part = path.substr(0, path.find('/'));
        if (!part.empty() && part != ".") parts.emplace_back(part);
        path.remove_prefix(std::min(path.size(), part.size() + 1));
    }
    return parts;
}

int open_retrying(int folder, const char* path, int flags) {
    int fd;
    do fd = openat(folder, path, flags | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    return fd;
}

// Opens for reading; a pipe or a device must neither block nor be read.
int open_ordinary(int folder, const char* path, int flags, File& out) {
    File file(open_retrying(folder, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | flags));
    if (!file) return errno;
    struct stat found = {};
    if (fstat(file.fd(), &found) != 0) return errno;
    if (S_ISDIR(found.st_mode)) return EISDIR;
    if (!S_ISREG(found.st_mode)) return EINVAL;
    out = std::move(file);
    return 0;
}

// Like read(), but only fewer bytes than asked for at the end of the file; -1 with errno.
ssize_t read_fully(int fd, uint8_t* to, size_t bytes) {
    size_t done = 0;
    while (done < bytes) {
        const ssize_t got = read(fd, to + done, bytes - done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (got == 0) break;
        done += static_cast<size_t>(got);
    }
    return static_cast<ssize_t>(done);
}

int check_size(const File& file, size_t most, size_t* bytes = nullptr) {
    struct stat found = {};
    if (fstat(file.fd(), &found) != 0) return errno;
    if (found.st_size < 0 || static_cast<uint64_t>(found.st_size) > most) return EFBIG;
    if (bytes != nullptr) *bytes = static_cast<size_t>(found.st_size);
    return 0;
}

}  // namespace

File& File::operator=(File&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}

File::~File() {
    if (fd_ >= 0) close(fd_);
}

bool is_inside(std::string_view name) {
    if (name.empty() || name[0] == '/' || name.find('\\') != std::string_view::npos) return false;
    const Names parts = components(name);
    return std::find(parts.begin(), parts.end(), "..") == parts.end();
}

bool is_own_file(const std::string& folder, const std::string& name) {
    if (name.find('\0') != std::string::npos) return false;
    std::string path = folder;
    struct stat found = {};
    for (const std::string& part : components(name)) {
        path += '/' + part;
        if (lstat(path.c_str(), &found) != 0 || S_ISLNK(found.st_mode)) return false;
    }
    return S_ISREG(found.st_mode);
}

bool is_folder(const std::string& path) {
    struct stat found = {};
    return path.find('\0') == std::string::npos && stat(path.c_str(), &found) == 0 &&
           S_ISDIR(found.st_mode);
}

Names files_below(const std::string& folder) {
    Names files, waiting = {""};  // folders, each "" or with a slash at its end
    while (!waiting.empty()) {
        const std::string inside = std::move(waiting.back());
        waiting.pop_back();
        const std::string path = folder + '/' + inside;
        const auto closing = [](DIR* dir) { closedir(dir); };
        const std::unique_ptr<DIR, decltype(closing)> dir(opendir(path.c_str()), closing);
        if (!dir) continue;
        Names below;
        while (const dirent* entry = readdir(dir.get())) {
            const std::string name = entry->d_name;
            if (name == "." || name == "..") continue;
            struct stat own = {}, reached = {};
            if (fstatat(dirfd(dir.get()), entry->d_name, &own, AT_SYMLINK_NOFOLLOW) != 0) continue;
            const bool link = S_ISLNK(own.st_mode);
            const bool leads = link && fstatat(dirfd(dir.get()), entry->d_name, &reached, 0) == 0;
            if (S_ISDIR(own.st_mode)) below.push_back(inside + name + '/');
            else if (!leads || !S_ISDIR(reached.st_mode)) files.push_back(inside + name);
        }
        waiting.insert(waiting.end(), below.rbegin(), below.rend());
    }
    return files;
}

int open_inside(const std::string& folder, const std::string& name, File& out) {
    const Names parts = components(name);
    if (parts.empty() || !is_inside(name) || name.find('\0') != std::string::npos) return ENOENT;
    File at(open_retrying(AT_FDCWD, folder.c_str(), O_PATH | O_DIRECTORY));
    for (size_t i = 0; at && i + 1 < parts.size(); ++i)
        at = File(open_retrying(at.fd(), parts[i].c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW));
    if (!at) return errno;
    return open_ordinary(at.fd(), parts.back().c_str(), O_NOFOLLOW, out);
}

int open_file(const std::string& path, File& out) {
    return open_ordinary(AT_FDCWD, path.c_str(), 0, out);
}

int read_all(const File& file, size_t most, std::vector<uint8_t>& out) {
    size_t bytes = 0;
    if (const int number = check_size(file, most, &bytes); number != 0) return number;
    out.resize(bytes);
    const ssize_t got = read_fully(file.fd(), out.data(), out.size());
    if (got < 0) return errno;
    out.resize(static_cast<size_t>(got));
    return 0;
}

int hash_all(const File& file, size_t most, std::string& out) {
    if (const int number = check_size(file, most); number != 0) return number;
    const auto piece = std::make_unique<uint8_t[]>(kPiece);
    Sha256 hash;
    for (;;) {
        const ssize_t got = read_fully(file.fd(), piece.get(), kPiece);
        if (got < 0) return errno;
        hash.update(piece.get(), static_cast<size_t>(got));
        if (static_cast<size_t>(got) < kPiece) break;
    }
    out = hash.hex();
    return 0;
}

std::string error_text(int number) {
    if (number == EFBIG) return "it is larger than this runtime reads";
    return std::generic_category().message(number);
}

}  // namespace facedge
