// Files of a bundle's folder, reached without following a link.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace facedge {

// A file descriptor; closed when it goes.
class File {
public:
    File() = default;
    explicit File(int fd) : fd_(fd) {}
    File(File&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
    File& operator=(File&& other) noexcept;
    ~File();

    explicit operator bool() const { return fd_ >= 0; }
    int fd() const { return fd_; }

private:
    int fd_ = -1;
};

// Whether a path of the manifest is relative, has no ".." and no backslash.
bool is_inside(std::string_view name);

// Whether `name`, reached from `folder` without a link, is an ordinary file.
bool is_own_file(const std::string& folder, const std::string& name);

bool is_folder(const std::string& path);

// Files below `folder`, relative; links to files included. What cannot be listed is passed over.
std::vector<std::string> files_below(const std::string& folder);

// Opens an ordinary file below `folder` for reading, without following a link. Returns an errno,
// 0 on success; EINVAL for what is no ordinary file.
int open_inside(const std::string& folder, const std::string& name, File& out);

// The same for a path of the user's, where links are followed.
int open_file(const std::string& path, File& out);

// All bytes of an opened file. Returns an errno, 0 on success; EFBIG beyond `most` bytes.
int read_all(const File& file, size_t most, std::vector<uint8_t>& out);

// Its SHA-256 in hex, read piece by piece. Errors as read_all.
int hash_all(const File& file, size_t most, std::string& out);

// What the operating system calls an errno.
std::string error_text(int number);

}  // namespace facedge
