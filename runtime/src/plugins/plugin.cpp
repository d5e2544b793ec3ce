#include "plugins/plugin.hpp"

#include "plugins/search.hpp"
#include "log.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>

namespace facedge {
namespace {

// What the first version of the table had to have; later members may be missing.
constexpr size_t kRequiredTable = offsetof(facedge_backend_table, crop);

Status check_table(const facedge_backend_table* table, const std::string& path) {
    if (!table || table->abi != FACEDGE_BACKEND_ABI) {
        const std::string found =
            table ? "has ABI " + std::to_string(table->abi) : "has another ABI";
        return {FACEDGE_EVERSION, path + " " + found + " and this libfacedge expects ABI " +
                                      std::to_string(FACEDGE_BACKEND_ABI) +
                                      "; install both from the same release"};
    }
    if (table->size < kRequiredTable) {
        return {FACEDGE_EVERSION, path + " has a table of " + std::to_string(table->size) +
                                      " bytes, expected at least " +
                                      std::to_string(kRequiredTable) +
                                      "; install it from the same release as libfacedge"};
    }
    if (!table->available || !table->engine_open || !table->engine_close || !table->lane_open ||
        !table->lane_close || !table->enqueue || !table->wait) {
        return {FACEDGE_EBACKEND, path + " lacks a function that every back end must have; "
                                         "it is no complete plug-in"};
    }
    return {};
}

Status load_file(const std::string& path, const facedge_backend_table*& out) {
    // Never closed: a back end's own library may have threads, and dlopen counts repetitions.
    void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle) {
        const char* why = dlerror();
        return {FACEDGE_EBACKEND, path + " does not load: " + (why ? why : "no reason given")};
    }
    const auto entry = reinterpret_cast<facedge_backend_function>(dlsym(handle, "facedge_backend"));
    if (!entry) {
        return {FACEDGE_EBACKEND,
                path + " has no function facedge_backend: it is no plug-in of facedge"};
    }
    const facedge_backend_table* table = entry(FACEDGE_BACKEND_ABI);
    if (Status status = check_table(table, path); !status) return status;
    out = table;
    return {};
}

std::vector<facedge_tensor_info> describe(const std::vector<TensorSpec>& specs) {
    std::vector<facedge_tensor_info> infos;
    for (const TensorSpec& spec : specs) {
        facedge_tensor_info info = {};
        info.name = spec.name.c_str();
        info.dtype = spec.dtype == "uint8" ? FACEDGE_UINT8 : FACEDGE_FLOAT32;
        info.rank = static_cast<int32_t>(spec.shape.size());
        for (size_t i = 0; i < spec.shape.size(); ++i) info.shape[i] = spec.shape[i];
        infos.push_back(info);
    }
    return infos;
}

Status failure(int reported, facedge_error& error) {
    return {backend_code(reported), backend_text(error)};
}

bool fits_interface(const std::vector<TensorSpec>& specs) {
    if (specs.size() > FACEDGE_MAX_TENSORS) return false;
    for (const TensorSpec& spec : specs) {
        if (spec.shape.size() > FACEDGE_MAX_RANK) return false;
    }
    return true;
}

}  // namespace

facedge_code backend_code(int reported) {
    const bool known = reported <= FACEDGE_EINVAL && reported >= FACEDGE_ENOMEM;
    return known ? static_cast<facedge_code>(reported) : FACEDGE_EBACKEND;
}

const char* backend_text(facedge_error& error) {
    error.text[FACEDGE_ERROR_TEXT - 1] = '\0';
    return error.text[0] ? error.text : "the back end failed and gave no reason";
}

bool can_crop(const facedge_backend_table& table) {
    constexpr size_t kEnd = offsetof(facedge_backend_table, crop_wait) + sizeof table.crop_wait;
    return table.size >= kEnd && table.crop && table.crop_wait;
}

Status load_plugin(const std::string& name, const std::string& plugin_dir,
                   const facedge_backend_table*& out) {
    if (!is_backend_name(name)) {
        return {FACEDGE_EBACKEND,
                "'" + name + "' is no name of a back end, expected one such as onnxruntime"};
    }
    const std::string file = plugin_file(name);
    std::string tried;
    for (const std::string& folder : plugin_folders(plugin_dir)) {
        const std::string path = folder + "/" + file;
        if (access(path.c_str(), F_OK) == 0) return load_file(path, out);
        tried += (tried.empty() ? "" : ", ") + folder;
    }
    return {FACEDGE_EBACKEND, "back end " + name + " is not installed: there is no " + file +
                                  " in " + (tried.empty() ? "any folder" : tried) +
                                  "; install it or name its folder in plugin_dir or "
                                  "FACEDGE_PLUGIN_PATH"};
}

Status open_engine(const Bundle& bundle, const Artifact& artifact, const EngineOptions& options,
                   std::unique_ptr<Engine>& out) {
    const Manifest& manifest = bundle.manifest();
    const std::string path = bundle.folder() + "/" + artifact.path;
    if (!fits_interface(manifest.inputs) || !fits_interface(manifest.outputs)) {
        return {FACEDGE_EBUNDLE, path + " has more tensors or dimensions than a back end can be "
                                        "told of; build the bundle again"};
    }
    const facedge_backend_table* table = nullptr;
    if (Status status = load_plugin(artifact.backend, options.plugin_dir, table); !status)
        return status;

    const char* library = options.library.empty() ? nullptr : options.library.c_str();
    char version[64] = "";
    facedge_error error = {};
    if (int code = table->available(&backend_host, library, version, sizeof version, &error))
        return failure(code, error);
    version[sizeof version - 1] = '\0';

    std::vector<uint8_t> data;
    if (Status status = bundle.read(artifact.path, data); !status) return status;
    const std::string rebuild =
        "facedge engine " + bundle.folder() + " --backend " + artifact.backend;
    const std::vector<facedge_tensor_info> inputs = describe(manifest.inputs);
    const std::vector<facedge_tensor_info> outputs = describe(manifest.outputs);

    facedge_artifact file = {};
    file.size = sizeof file;
    file.max_batch = artifact.max_batch;
    file.path = path.c_str();
    file.rebuild = rebuild.c_str();
    file.version = artifact.version.c_str();
    file.device = artifact.device.c_str();
    file.data = data.data();
    file.bytes = data.size();
    file.inputs = inputs.data();
    file.outputs = outputs.data();
    file.n_inputs = static_cast<int32_t>(inputs.size());
    file.n_outputs = static_cast<int32_t>(outputs.size());

    facedge_engine_settings settings = {};
    settings.size = sizeof settings;
    settings.threads = options.threads;
    settings.device = options.device;
    settings.library = library;

    facedge_engine* engine = nullptr;
    if (int code = table->engine_open(&backend_host, &file, &settings, &engine, &error))
        return failure(code, error);
    out = std::make_unique<Engine>(table, engine, version);
    return {};
}

Status Lane::open(const Engine& engine, const std::vector<int32_t>& batches, Lane* peer,
                  std::unique_ptr<Lane>& out) {
    facedge_lane_settings settings = {};
    settings.size = sizeof settings;
    settings.n_batches = static_cast<int32_t>(batches.size());
    settings.batches = batches.data();
    settings.peer = peer ? peer->get() : nullptr;

    facedge_lane_buffers buffers = {};
    facedge_lane* lane = nullptr;
    facedge_error error = {};
    if (int code = engine.table().lane_open(engine.get(), &settings, &buffers, &lane, &error))
        return failure(code, error);
    out.reset(new Lane(&engine.table(), lane, buffers));
    return {};
}

}  // namespace facedge
