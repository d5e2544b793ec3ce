// JSON values into plain structures, as strictly as the Python twin's decoder: every field known,
// of its type, and there unless it has a default; a float field takes an integer, an int field no
// float. Errors are worded like that decoder's.
#pragma once

#include "bundle/json.hpp"

#include <array>
#include <cstdint>
#include <initializer_list>
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

template <class Record>
struct Field {
    const char* name;
    bool required;
    bool (*read)(Reader&, const json::Value&, const Place&, Record&);
};

// Specialise with `static constexpr Field<Record> table[]` to make a structure readable.
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
        if (!expect(value, place, json::Value::Kind::kArray, "array")) return false;
        out.resize(value.items.size());
        for (size_t i = 0; i < out.size(); ++i) {
            const Place element{&place, nullptr, static_cast<int64_t>(i)};
            if (!read(value.items[i], element, out[i])) return false;
        }
        return true;
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
        return read_fields(value, place, Fields<Record>::table, out);
    }

private:
    template <class Record, size_t N>
    bool read_fields(const json::Value& value, const Place& place, const Field<Record> (&fields)[N],
                     Record& out) {
        if (!expect(value, place, json::Value::Kind::kObject, "object")) return false;
        bool found[N] = {};
        for (size_t i = 0; i < value.keys.size(); ++i) {
            size_t at = 0;
            while (at < N && value.keys[i] != fields[at].name) ++at;
            if (at == N) return refuse_unknown(value.keys[i], place);
            if (found[at]) return refuse_twice(value.keys[i], place);
            found[at] = true;
            const Place inside{&place, fields[at].name, 0};
            if (!fields[at].read(*this, value.items[i], inside, out)) return false;
        }
        for (size_t at = 0; at < N; ++at)
            if (fields[at].required && !found[at]) return refuse_missing(fields[at].name, place);
        return true;
    }

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

// A field that is kept: into<&Artifact::path>.
template <auto Member, class Record>
bool into(Reader& reader, const json::Value& value, const Place& place, Record& record) {
    return reader.read(value, place, record.*Member);
}

template <auto Member, const auto& choices, class Record>
bool one_of(Reader& reader, const json::Value& value, const Place& place, Record& record) {
    return reader.read(value, place, choices, record.*Member);
}

// A field whose type is checked and whose value nobody here needs.
template <class T, class Record>
bool checked(Reader& reader, const json::Value& value, const Place& place, Record&) {
    T unused{};
    return reader.read(value, place, unused);
}

}  // namespace facedge::record
