// Strict JSON as a small tree. The one place that knows the JSON library.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace facedge::json {

struct Value {
    enum class Kind { kNull, kBool, kInt, kFloat, kText, kArray, kObject };

    Kind kind = Kind::kNull;
    bool truth = false;
    bool fits = true;  // whether an integer lies within int64_t
    int64_t integer = 0;
    double real = 0;  // of integers too
    std::string text;
    std::vector<std::string> keys;  // of an object, in the order of the text; as long as items
    std::vector<Value> items;       // of an array or an object

    const Value* find(std::string_view key) const;  // the first of that name, or NULL
};

// Parses one JSON document (RFC 8259) that fills `bytes`. Refused besides what the grammar refuses:
// NUL bytes, a byte order mark, numbers beyond double, and nesting deeper than 32.
// Returns why not, as a phrase; empty on success.
std::string parse(std::string_view bytes, Value& out);

}  // namespace facedge::json
