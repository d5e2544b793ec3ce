// JSON values into plain structures, as strictly as the Python twin's decoder: every field known,
// of its type, and there unless it has a default; a float field takes an integer, an int field no
// float. Errors are worded like that decoder's.
#pragma once

#include "bundle/json.hpp"

#include <array>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace facedge::record {

// Where in the document a value stands, printed as $.inputs[0].shape[2].
struct Place {
    const Place* parent = nullptr;  // NULL: the root
    const char* field = nullptr;    // of an object; NULL: an element
    int64_t index = 0;              // of an array; -1: any key of a map
};

class Reader;

// How one value is read into an object of a type that only the function knows, so that one copy of
// the code around it serves every structure.
using ReadValue = bool (*)(Reader&, const json::Value&, const Place&, void* object);

struct Field {
    const char* name;
    bool required;
    ReadValue read;  // into the structure
};

// Specialise with `static constexpr Field table[]` to make a structure readable.
template <class Record>
struct Fields;

// The allowed texts of a field that has few, such as "fp32".
template <size_t N>
using Choices = std::array<const char*, N>;

struct AnyInt {};  // an integer of any size, of which only the type matters

// Every read() returns false after the first error.
class Reader {
public:
    const std::string& error() const { return error_; }

    // The value of a field that must be there, of an object whose other fields do not matter;
    // NULL after an error.
    const json::Value* member(const json::Value& value, const Place& place, const char* name);

    bool read(const json::Value& value, const Place& place, std::string& out);
    bool read(const json::Value& value, const Place& place, bool& out);
    bool read(const json::Value& value, const Place& place, int32_t& out);
    bool read(const json::Value& value, const Place& place, int64_t& out);
    bool read(const json::Value& value, const Place& place, double& out);
    bool read(const json::Value& value, const Place& place, AnyInt& out);

    template <size_t N>
    bool read(const json::Value& value, const Place& place, const Choices<N>& choices,
              std::string& out) {
        if (!read(value, place, out)) return false;
        for (const char* choice : choices)
            if (out == choice) return true;
        return refuse_choice(out, place);
    }

    template <class T>
    bool read(const json::Value& value, const Place& place, std::vector<T>& out) {
        return read_elements(
            value, place, &out,
            [](Reader& reader, const json::Value& element, const Place& at, void* list) {
                T& added = static_cast<std::vector<T>*>(list)->emplace_back();
                return reader.read(element, at, added);
            });
    }

    template <class T>
    bool read(const json::Value& value, const Place& place, std::map<std::string, T>& out) {
        if (!expect(value, place, json::Value::Kind::kObject, "object")) return false;
        const Place any{&place, nullptr, -1};
        for (size_t i = 0; i < value.keys.size(); ++i) {
            const auto [entry, is_new] = out.try_emplace(value.keys[i]);
            if (!is_new) return refuse_twice(value.keys[i], place);
            if (!read(value.items[i], any, entry->second)) return false;
        }
        return true;
    }

    template <class T>
    bool read(const json::Value& value, const Place& place, std::optional<T>& out) {
        out.reset();
        if (value.kind == json::Value::Kind::kNull) return true;
        return expect(value, place, json::Value::Kind::kObject, "object | null") &&
               read(value, place, out.emplace());
    }

    template <class Record, class = decltype(Fields<Record>::table)>
    bool read(const json::Value& value, const Place& place, Record& out) {
        const Field* fields = Fields<Record>::table;
        return read_fields(value, place, fields, std::size(Fields<Record>::table), &out);
    }

private:
    bool read_fields(const json::Value& value, const Place& place, const Field* fields,
                     size_t n_fields, void* record);
    bool read_elements(const json::Value& value, const Place& place, void* list, ReadValue add);
    bool expect(const json::Value& value, const Place& place, json::Value::Kind kind,
                const char* name);
    bool read_int(const json::Value& value, const Place& place, int64_t least, int64_t most,
                  int64_t& out);
    bool refuse(std::initializer_list<std::string_view> what, const Place& place);
    bool refuse_unknown(const std::string& key, const Place& place);
    bool refuse_twice(const std::string& key, const Place& place);
    bool refuse_missing(const char* name, const Place& place);
    bool refuse_choice(const std::string& found, const Place& place);

    std::string error_;
};

template <class Record, class T>
Record record_of(T Record::*);  // for its type only

// A field that is kept: into<&Artifact::path>.
template <auto Member>
bool into(Reader& reader, const json::Value& value, const Place& place, void* record) {
    using Record = decltype(record_of(Member));
    return reader.read(value, place, static_cast<Record*>(record)->*Member);
}

// The same of a field that has few allowed texts.
template <auto Member, const auto& choices>
bool one_of(Reader& reader, const json::Value& value, const Place& place, void* record) {
    using Record = decltype(record_of(Member));
    return reader.read(value, place, choices, static_cast<Record*>(record)->*Member);
}

// A field whose type is checked and whose value nobody here needs.
template <class T>
bool checked(Reader& reader, const json::Value& value, const Place& place, void*) {
    T unused{};
    return reader.read(value, place, unused);
}

}  // namespace facedge::record
