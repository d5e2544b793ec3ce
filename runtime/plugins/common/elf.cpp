#include "elf.hpp"

#include <link.h>

#include <cstring>
#include <fstream>

namespace facedge::plugin {

bool is_whole(const std::string& file) {
    std::ifstream stream(file, std::ios::binary | std::ios::ate);
    const auto size = static_cast<unsigned long long>(stream.tellg());
    ElfW(Ehdr) header;
    stream.seekg(0);
    if (!stream.read(reinterpret_cast<char*>(&header), sizeof header)) return true;
    if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return true;
    if (header.e_phentsize != sizeof(ElfW(Phdr))) return true;
    for (unsigned i = 0; i < header.e_phnum; ++i) {
        ElfW(Phdr) segment;
        stream.seekg(static_cast<std::streamoff>(header.e_phoff + i * sizeof segment));
        if (!stream.read(reinterpret_cast<char*>(&segment), sizeof segment)) return false;
        if (segment.p_type != PT_LOAD) continue;
        if (segment.p_offset > size || segment.p_filesz > size - segment.p_offset) return false;
    }
    return true;
}

}  // namespace facedge::plugin
