#include "bundle/json.hpp"

#include "bundle/text.hpp"

#include <nlohmann/json.hpp>

namespace facedge::json {
namespace {

constexpr size_t kDeepest = 32;  // a manifest needs 5; the tree is freed recursively

std::string at_byte(std::string_view what, size_t position) {
    return join({what, " (byte ", std::to_string(position), ")"});
}

// Builds the tree from the library's events, so that the library's own tree and its exceptions
// stay out of the program.
class Builder {
public:
    Builder(std::string_view bytes, Value& root) : bytes_(bytes), root_(root) {}

    const std::string& error() const { return error_; }

    bool null() { return add(Value::Kind::kNull) != nullptr; }
    bool boolean(bool value) {
        add(Value::Kind::kBool)->truth = value;
        return true;
    }
    bool number_integer(int64_t value) {
        Value* added = add(Value::Kind::kInt);
        added->integer = value;
        added->real = static_cast<double>(value);
        return true;
    }
    bool number_unsigned(uint64_t value) {
        Value* added = add(Value::Kind::kInt);
        added->fits = value <= INT64_MAX;
        added->integer = added->fits ? static_cast<int64_t>(value) : INT64_MAX;
        added->real = static_cast<double>(value);
        return true;
    }
    bool number_float(double value, const std::string& digits) {
        // An integer too long for 64 bits arrives here too.
        const bool whole = digits.find_first_of(".eE") == std::string::npos;
        Value* added = add(whole ? Value::Kind::kInt : Value::Kind::kFloat);
        added->fits = !whole;
        added->real = value;
        return true;
    }
    bool string(std::string& value) {
        add(Value::Kind::kText)->text = std::move(value);
        return true;
    }
    bool binary(std::vector<uint8_t>&) { return false; }  // not in JSON
    bool start_object(size_t) { return open(Value::Kind::kObject); }
    bool start_array(size_t) { return open(Value::Kind::kArray); }
    bool end_object() { return close(); }
    bool end_array() { return close(); }
    bool key(std::string& value) {
        path_.back()->keys.push_back(std::move(value));
        return true;
    }
    template <class Error>
    bool parse_error(size_t position, const std::string&, const Error& error) {
        const bool number = error.id == 406;  // out of range
        if (!number && position > bytes_.size()) error_ = "Input data was truncated";
        else
            error_ = at_byte(number ? "Number out of range" : "JSON is malformed",
                             position > 0 ? position - 1 : 0);
        return false;
    }

private:
    Value* add(Value::Kind kind) {
        Value* place = &root_;
        if (!path_.empty()) place = &path_.back()->items.emplace_back();
        place->kind = kind;
        return place;
    }
    bool open(Value::Kind kind) {
        if (path_.size() == kDeepest) {
            error_ = join({"it is nested deeper than ", std::to_string(kDeepest), " levels"});
            return false;
        }
        path_.push_back(add(kind));
        return true;
    }
    bool close() {
        path_.pop_back();
        return true;
    }

    std::string_view bytes_;
    Value& root_;
    std::vector<Value*> path_;  // the open ones; only the innermost grows, so none moves
    std::string error_;
};

}  // namespace

const Value* Value::find(std::string_view key) const {
    for (size_t i = 0; i < keys.size(); ++i)
        if (keys[i] == key) return &items[i];
    return nullptr;
}

std::string parse(std::string_view bytes, Value& out) {
    // The library reads NUL as the end of the text and passes over a byte order mark.
    if (const size_t nul = bytes.find('\0'); nul != std::string_view::npos)
        return at_byte("JSON is malformed", nul);
    if (bytes.substr(0, 3) == "\xEF\xBB\xBF") return at_byte("JSON is malformed", 0);
    out = Value();
    Builder builder(bytes, out);
    if (nlohmann::json::sax_parse(bytes.begin(), bytes.end(), &builder)) return {};
    return builder.error();
}

}  // namespace facedge::json
