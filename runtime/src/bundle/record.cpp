#include "bundle/record.hpp"

#include "bundle/text.hpp"

namespace facedge::record {
namespace {

using Kind = json::Value::Kind;

const char* kind_name(Kind kind) {
    switch (kind) {
        case Kind::kNull: return "null";
        case Kind::kBool: return "bool";
        case Kind::kInt: return "int";
        case Kind::kFloat: return "float";
        case Kind::kText: return "str";
        case Kind::kArray: return "array";
        case Kind::kObject: return "object";
    }
    return "";
}

std::string path(const Place& place) {
    if (place.parent == nullptr) return "$";
    const std::string before = path(*place.parent);
    if (place.field != nullptr) return join({before, ".", place.field});
    return join({before, "[", place.index < 0 ? "..." : std::to_string(place.index), "]"});
}

}  // namespace

bool Reader::refuse(std::initializer_list<std::string_view> what, const Place& place) {
    error_ = join(what);
    if (place.parent != nullptr) error_ += join({" - at `", path(place), "`"});
    return false;
}

bool Reader::refuse_unknown(const std::string& key, const Place& place) {
    return refuse({"Object contains unknown field `", one_line(key), "`"}, place);
}

bool Reader::refuse_twice(const std::string& key, const Place& place) {
    return refuse({"Object contains `", one_line(key), "` twice"}, place);
}

bool Reader::refuse_missing(const char* name, const Place& place) {
    return refuse({"Object missing required field `", name, "`"}, place);
}

bool Reader::expect(const json::Value& value, const Place& place, Kind kind, const char* name) {
    if (value.kind == kind) return true;
    return refuse({"Expected `", name, "`, got `", kind_name(value.kind), "`"}, place);
}

const json::Value* Reader::member(const json::Value& value, const Place& place, const char* name) {
    if (!expect(value, place, Kind::kObject, "object")) return nullptr;
    const json::Value* found = value.find(name);
    if (found == nullptr) refuse_missing(name, place);
    return found;
}

bool Reader::read(const json::Value& value, const Place& place, std::string& out) {
    if (!expect(value, place, Kind::kText, "str")) return false;
    out = value.text;
    return true;
}

bool Reader::read(const json::Value& value, const Place& place, bool& out) {
    if (!expect(value, place, Kind::kBool, "bool")) return false;
    out = value.truth;
    return true;
}

bool Reader::read_int(const json::Value& value, const Place& place, int64_t least, int64_t most,
                      int64_t& out) {
    if (!expect(value, place, Kind::kInt, "int")) return false;
    out = value.integer;
    if (value.fits && least <= out && out <= most) return true;
    return refuse({"Expected `int` >= ", std::to_string(least), " and <= ", std::to_string(most)},
                  place);
}

bool Reader::read(const json::Value& value, const Place& place, int32_t& out) {
    int64_t wide = 0;
    if (!read_int(value, place, INT32_MIN, INT32_MAX, wide)) return false;
    out = static_cast<int32_t>(wide);
    return true;
}

bool Reader::read(const json::Value& value, const Place& place, int64_t& out) {
    return read_int(value, place, INT64_MIN, INT64_MAX, out);
}

bool Reader::read(const json::Value& value, const Place& place, AnyInt&) {
    return expect(value, place, Kind::kInt, "int");
}

bool Reader::read(const json::Value& value, const Place& place, double& out) {
    if (value.kind != Kind::kInt && !expect(value, place, Kind::kFloat, "float")) return false;
    out = value.real;
    return true;
}

bool Reader::refuse_choice(const std::string& found, const Place& place) {
    return refuse({"Invalid enum value ", quoted(found)}, place);
}

bool Reader::read_elements(const json::Value& value, const Place& place, void* list,
                           ReadValue add) {
    if (!expect(value, place, Kind::kArray, "array")) return false;
    Place element{&place, nullptr, 0};
    for (const json::Value& item : value.items) {
        if (!add(*this, item, element, list)) return false;
        ++element.index;
    }
    return true;
}

bool Reader::read_fields(const json::Value& value, const Place& place, const Field* fields,
                         size_t n_fields, void* record) {
    if (!expect(value, place, Kind::kObject, "object")) return false;
    std::vector<const json::Value*> found(n_fields);
    for (size_t i = 0; i < value.keys.size(); ++i) {
        size_t at = 0;
        while (at < n_fields && value.keys[i] != fields[at].name) ++at;
        if (at == n_fields) return refuse_unknown(value.keys[i], place);
        if (found[at] != nullptr) return refuse_twice(value.keys[i], place);
        found[at] = &value.items[i];
        const Place inside{&place, fields[at].name, 0};
        if (!fields[at].read(*this, value.items[i], inside, record)) return false;
    }
    for (size_t at = 0; at < n_fields; ++at)
        if (fields[at].required && found[at] == nullptr)
            return refuse_missing(fields[at].name, place);
    return true;
}

}  // namespace facedge::record
