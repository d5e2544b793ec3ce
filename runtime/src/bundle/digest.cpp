#include "bundle/digest.hpp"

#include "bundle/sha256.hpp"
#include "bundle/text.hpp"

#include <algorithm>

namespace facedge {
namespace {

constexpr std::string_view kKey = "\"digest\": \"";
constexpr size_t kDigits = 64;

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

// Whether "digest": "<64 digits>" stands at `at`.
bool is_digest(std::string_view bytes, size_t at) {
    const std::string_view rest = bytes.substr(at + kKey.size());
    return rest.size() > kDigits && rest[kDigits] == '"' &&
           std::all_of(rest.begin(), rest.begin() + kDigits, is_hex);
}

}  // namespace

Status compare_hash(const std::string& file, const std::string& found,
                    const std::string& expected) {
    if (found == expected) return {};
    return Status(FACEDGE_EBUNDLE,
                  join({file, " was altered or truncated: its SHA-256 is ", found.substr(0, 12),
                        "…, expected ", one_line(expected.substr(0, 12)), "…; ", kRebuild}));
}

Status check_digest(std::string_view bytes, const std::string& file) {
    size_t count = 0, start = 0;
    for (size_t at = bytes.find(kKey); at != std::string_view::npos; at = bytes.find(kKey, at + 1))
        if (is_digest(bytes, at)) {
            ++count;
            start = at + kKey.size();
        }
    if (count != 1)
        return Status(FACEDGE_EBUNDLE,
                      join({file, " has ", std::to_string(count),
                            " digests of itself, expected exactly one; ", kRebuild}));
    const size_t end = start + kDigits;
    Sha256 hash;
    hash.update(bytes.data(), start);
    hash.update(std::string(kDigits, '0').data(), kDigits);
    hash.update(bytes.data() + end, bytes.size() - end);
    return compare_hash(file, hash.hex(), std::string(bytes.substr(start, kDigits)));
}

}  // namespace facedge
