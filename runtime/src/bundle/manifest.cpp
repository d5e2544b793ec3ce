// manifest.json. The fields are those of runtime/manifest.py, which documents them, in its order.
#include "bundle/bundle.hpp"
#include "bundle/digest.hpp"
#include "bundle/guard.hpp"
#include "bundle/record.hpp"
#include "bundle/tensors.hpp"
#include "bundle/text.hpp"

namespace facedge {
namespace {

constexpr int64_t kSchema = 1;

// What the builder measured: its form is checked here, its values nobody plays by.
struct Gate {
    std::string sense;
};
struct PassRow {};
struct Weights {};
struct Calibration {};

}  // namespace

namespace record {

inline constexpr Choices<2> kTasks = {"super-resolution", "action-units"};
inline constexpr Choices<3> kPrecisions = {"fp32", "fp16", "int8"};
inline constexpr Choices<3> kDialects = {"portable", "openvino", "tensorrt"};
inline constexpr Choices<2> kSenses = {"at least", "at most"};

template <>
struct Fields<TensorSpec> {
    static constexpr Field table[] = {
        {"name", true, into<&TensorSpec::name>},
        {"dtype", true, into<&TensorSpec::dtype>},
        {"shape", true, into<&TensorSpec::shape>},
        {"meaning", true, checked<std::string>},
    };
};

template <>
struct Fields<Artifact> {
    static constexpr Field table[] = {
        {"backend", true, into<&Artifact::backend>},
        {"path", true, into<&Artifact::path>},
        {"dialect", true, one_of<&Artifact::dialect, kDialects>},
        {"version", false, into<&Artifact::version>},
        {"device", false, into<&Artifact::device>},
        {"max_batch", false, into<&Artifact::max_batch>},
        {"latency_ms", false, checked<double>},
    };
};

template <>
struct Fields<GoldenSet> {
    static constexpr Field table[] = {
        {"dialect", true, one_of<&GoldenSet::dialect, kDialects>},
        {"inputs", true, into<&GoldenSet::inputs>},
        {"outputs", true, into<&GoldenSet::outputs>},
        {"min_psnr_db", true, into<&GoldenSet::min_psnr_db>},
        {"max_abs", true, into<&GoldenSet::max_abs>},
    };
};

template <>
struct Fields<Gate> {
    static constexpr Field table[] = {
        {"name", true, checked<std::string>}, {"subject", true, checked<std::string>},
        {"measured", true, checked<double>},  {"limit", true, checked<double>},
        {"unit", true, checked<std::string>}, {"sense", true, one_of<&Gate::sense, kSenses>},
    };
};

template <>
struct Fields<PassRow> {
    static constexpr Field table[] = {
        {"name", true, checked<std::string>},        {"nodes_before", true, checked<AnyInt>},
        {"nodes_after", true, checked<AnyInt>},      {"parameters_before", true, checked<AnyInt>},
        {"parameters_after", true, checked<AnyInt>}, {"macs_before", true, checked<AnyInt>},
        {"macs_after", true, checked<AnyInt>},
    };
};

template <>
struct Fields<Weights> {
    static constexpr Field table[] = {
        {"sha256", true, checked<std::string>},
        {"source", true, checked<std::string>},
        {"licence", true, checked<std::string>},
    };
};

template <>
struct Fields<Calibration> {
    static constexpr Field table[] = {
        {"source", true, checked<std::string>},
        {"images", true, checked<AnyInt>},
        {"images_sha256", true, checked<std::string>},
        {"method", true, checked<std::string>},
    };
};

template <>
struct Fields<Manifest> {
    static constexpr Field table[] = {
        {"schema", true, checked<int64_t>},
        {"digest", true, checked<std::string>},
        {"name", true, into<&Manifest::name>},
        {"model", true, into<&Manifest::model>},
        {"task", true, one_of<&Manifest::task, kTasks>},
        {"precision", true, one_of<&Manifest::precision, kPrecisions>},
        {"steps", true, into<&Manifest::steps>},
        {"scale", true, into<&Manifest::scale>},
        {"stateful", true, into<&Manifest::stateful>},
        {"inputs", true, into<&Manifest::inputs>},
        {"outputs", true, into<&Manifest::outputs>},
        {"artifacts", true, into<&Manifest::artifacts>},
        {"golden", true, into<&Manifest::golden>},
        {"gates", true, checked<std::vector<Gate>>},
        {"quality", true, checked<std::map<std::string, double>>},
        {"rewrites", true, checked<std::vector<PassRow>>},
        {"weights", true, checked<Weights>},
        {"calibration", true, checked<std::optional<Calibration>>},
        {"preferred", true, into<&Manifest::preferred>},
        {"tools", true, checked<std::map<std::string, std::string>>},
        {"files", true, into<&Manifest::files>},
        {"licence", true, checked<std::string>},
        {"machine", false, checked<std::string>},
    };
};

}  // namespace record

namespace {

Status refuse(std::initializer_list<std::string_view> parts) {
    return Status(FACEDGE_EBUNDLE, join(parts));
}

// Schema first: an older program must say so of a newer bundle before anything else.
Status check_schema(const json::Value& document, const std::string& file) {
    record::Reader reader;
    const record::Place root, place{&root, "schema", 0};
    const json::Value* schema = reader.member(document, root, "schema");
    int64_t found = 0;
    if (schema == nullptr || !reader.read(*schema, place, found))
        return refuse({file, " is not a manifest (", reader.error(), "); ", kRebuild});
    if (found == kSchema) return {};
    return refuse({file, " has schema ", std::to_string(found), " and this facedge reads schema ",
                   std::to_string(kSchema),
                   "; build the bundle with this version or install the one that built it"});
}

// Outside ASCII, bytes only stand in texts: with them blanked the rest can be judged.
std::string blanked(std::string_view bytes) {
    std::string out(bytes);
    for (char& c : out)
        if (static_cast<unsigned char>(c) >= 0x80) c = '?';
    return out;
}

Status parse(std::string_view bytes, const std::string& file, Manifest& out) {
    json::Value document;
    const bool utf8 = is_utf8(bytes);
    const std::string malformed = json::parse(utf8 ? bytes : blanked(bytes), document);
    if (!malformed.empty())
        return refuse({file, " is not a manifest (", malformed, "); ", kRebuild});
    if (Status status = check_schema(document, file); !status) return status;
    if (Status status = check_digest(bytes, file); !status) return status;

    record::Reader reader;
    Manifest manifest;
    const bool follows = utf8 && reader.read(document, record::Place(), manifest);
    if (!follows)
        return refuse({file, " does not follow schema ", std::to_string(kSchema), ": ",
                       utf8 ? reader.error() : "a text is not UTF-8", "; ", kRebuild});
    if (const std::string wrong = contradiction(manifest); !wrong.empty())
        return refuse({file, " contradicts itself: ", wrong, "; ", kRebuild});
    out = std::move(manifest);
    return {};
}

}  // namespace

Status parse_manifest(std::string_view bytes, const std::string& file, Manifest& out) {
    return guarded([&] { return parse(bytes, file, out); });
}

}  // namespace facedge
