#include "bundle/npy.hpp"

#include "bundle/guard.hpp"
#include "bundle/text.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace facedge {
namespace {

constexpr size_t kLongestHeader = 10000;  // NumPy's own limit

struct Header {
    std::string descr;
    bool fortran_order = false;
    std::vector<int64_t> shape;
};

// The header is a Python dictionary of three known keys, padded with spaces and a newline.
class HeaderReader {
public:
    explicit HeaderReader(std::string_view text) : rest_(text) {}

    bool read(Header& out) {
        bool descr = false, order = false, shape = false;
        if (!take('{')) return false;
        while (!take('}')) {
            std::string key;
            if (!read_text(key) || !take(':')) return false;
            bool* seen = key == "descr"           ? &descr
                         : key == "fortran_order" ? &order
                         : key == "shape"         ? &shape
                                                  : nullptr;
            if (seen == nullptr || *seen) return false;
            *seen = true;
            const bool sound = seen == &descr   ? read_text(out.descr)
                               : seen == &order ? read_bool(out.fortran_order)
                                                : read_shape(out.shape);
            if (!sound || (!take(',') && !next_is('}'))) return false;
        }
        return descr && order && shape && next_is('\0');
    }

private:
    // The next character that is no space, or NUL at the end.
    char peek() {
        while (!rest_.empty() && std::strchr(" \n\r\t", rest_[0]) != nullptr && rest_[0] != '\0')
            rest_.remove_prefix(1);
        return rest_.empty() ? '\0' : rest_[0];
    }
    bool next_is(char c) { return peek() == c && (c != '\0' || rest_.empty()); }
    bool take(char c) {
        if (peek() != c || rest_.empty()) return false;
        rest_.remove_prefix(1);
        return true;
    }
    bool take(std::string_view word) {
        peek();
        if (rest_.substr(0, word.size()) != word) return false;
        rest_.remove_prefix(word.size());
        return true;
    }
    bool read_text(std::string& out) {
        const char mark = peek();
        if (mark != '\'' && mark != '"') return false;
        const size_t end = rest_.find(mark, 1);
        if (end == std::string_view::npos) return false;
        out = rest_.substr(1, end - 1);
        rest_.remove_prefix(end + 1);
        return out.find('\\') == std::string::npos;
    }
    bool read_bool(bool& out) {
        out = take("True");
        return out || take("False");
    }
    bool read_shape(std::vector<int64_t>& out) {
        if (!take('(')) return false;
        while (!take(')')) {
            int64_t size = 0;
            if (!read_size(size)) return false;
            out.push_back(size);
            // A comma makes the tuple: (3) is no shape.
            if (!take(',') && (out.size() < 2 || !next_is(')'))) return false;
        }
        return true;
    }
    bool read_size(int64_t& out) {
        peek();
        size_t digits = 0;
        for (; digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9'; ++digits) {
            if (out > (INT64_MAX - 9) / 10) return false;
            out = out * 10 + (rest_[digits] - '0');
        }
        if (digits == 0 || (digits > 1 && rest_[0] == '0')) return false;
        rest_.remove_prefix(digits);
        return true;
    }

    std::string_view rest_;
};

// NumPy's name of an element type, such as "float64" for "<f8".
std::string type_name(const std::string& descr) {
    const bool ordered = !descr.empty() && std::strchr("<=|>", descr[0]) != nullptr;
    const std::string type = descr.substr(ordered ? 1 : 0);
    if (type == "b1") return "bool";
    if (type.size() != 2 || type[1] < '1' || type[1] > '8' || (descr[0] == '>' && type[1] != '1'))
        return descr;
    const char* family = type[0] == 'i'   ? "int"
                         : type[0] == 'u' ? "uint"
                         : type[0] == 'f' ? "float"
                         : type[0] == 'c' ? "complex"
                                          : nullptr;
    return family == nullptr ? descr : family + std::to_string(8 * (type[1] - '0'));
}

// Splits a file into its header and what follows.
bool split(std::string_view bytes, std::string_view& header, std::string_view& data) {
    constexpr std::string_view kMagic = "\x93NUMPY";
    const auto byte = [&](size_t i) { return size_t{static_cast<uint8_t>(bytes[i])}; };
    if (bytes.size() < 10 || bytes.substr(0, 6) != kMagic) return false;
    const size_t major = byte(6), start = major == 1 ? 10 : 12;
    if (major < 1 || major > 3 || byte(7) != 0 || bytes.size() < start) return false;
    size_t length = byte(8) | byte(9) << 8;
    if (major > 1) length |= byte(10) << 16 | byte(11) << 24;
    if (length > kLongestHeader || length > bytes.size() - start) return false;
    header = bytes.substr(start, length);
    data = bytes.substr(start + length);
    return true;
}

// Bytes of all elements; false where they are more than `most`.
bool count_bytes(const std::vector<int64_t>& shape, size_t of_one, size_t most, size_t& out) {
    out = of_one;
    if (std::find(shape.begin(), shape.end(), 0) != shape.end()) out = 0;
    for (const int64_t size : shape) {
        if (out == 0) break;
        if (static_cast<uint64_t>(size) > most / out) return false;
        out *= static_cast<size_t>(size);
    }
    return out <= most;
}

Status parse(std::string_view bytes, const std::string& file, NpyArray& out) {
    const auto refuse = [&](std::string_view what, std::string_view more = "") {
        return Status(FACEDGE_EBUNDLE,
                      join({file, " is ", what, more, "; build the bundle again"}));
    };
    std::string_view text, data;
    Header header;
    if (!split(bytes, text, data) || !HeaderReader(text).read(header) ||
        header.descr.find('O') != std::string::npos)
        return refuse("not a .npy array of numbers");
    NpyArray array;
    array.dtype = type_name(header.descr);
    array.shape = std::move(header.shape);
    const std::string is = join({one_line(array.dtype), " ", listed(array.shape)});
    if (array.dtype != "uint8" && array.dtype != "float32")
        return refuse(is, ", expected uint8 or float32");
    if (header.fortran_order && array.shape.size() > 1)
        return refuse(is, " in Fortran order, expected C order");
    size_t needed = 0;
    if (!count_bytes(array.shape, array.dtype == "uint8" ? 1 : 4, data.size(), needed))
        return refuse("not a .npy array of numbers: it ends before its last element");
    array.data.assign(data.begin(), data.begin() + static_cast<ptrdiff_t>(needed));
    out = std::move(array);
    return {};
}

}  // namespace

Status parse_npy(const std::vector<uint8_t>& bytes, const std::string& file, NpyArray& out) {
    const std::string_view view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return guarded([&] { return parse(view, file, out); });
}

}  // namespace facedge
