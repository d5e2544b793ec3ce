// OpenVINO's C API, from a library that is found at run time.
#pragma once

#include "../common/handle.hpp"
#include "status.hpp"

#include <openvino/c/openvino.h>

#include <mutex>
#include <string>

// Every function that the plug-in calls.
#define FACEDGE_OPENVINO_FUNCTIONS(X) \
    X(ov_compiled_model_create_infer_request) \
    X(ov_compiled_model_free) \
    X(ov_core_compile_model) \
    X(ov_core_create) \
    X(ov_core_read_model_from_memory_buffer) \
    X(ov_free) \
    X(ov_get_error_info) \
    X(ov_get_last_err_msg) \
    X(ov_get_openvino_version) \
    X(ov_infer_request_free) \
    X(ov_infer_request_infer) \
    X(ov_infer_request_set_tensor) \
    X(ov_model_const_input_by_index) \
    X(ov_model_const_input_by_name) \
    X(ov_model_const_output_by_name) \
    X(ov_model_free) \
    X(ov_model_inputs_size) \
    X(ov_model_reshape) \
    X(ov_output_const_port_free) \
    X(ov_partial_shape_create_static) \
    X(ov_partial_shape_free) \
    X(ov_port_get_any_name) \
    X(ov_port_get_element_type) \
    X(ov_port_get_partial_shape) \
    X(ov_tensor_create_from_host_ptr) \
    X(ov_tensor_free) \
    X(ov_version_free)

namespace facedge::plugin {

struct OpenVinoFunctions {
#define FACEDGE_DECLARE(name) decltype(&::name) name = nullptr;
    FACEDGE_OPENVINO_FUNCTIONS(FACEDGE_DECLARE)
#undef FACEDGE_DECLARE
};

// A loaded library and the core that all engines share. Kept until the process ends.
class OpenVino {
public:
    // Opens the library, or returns it if it is open already; see open_library. FACEDGE_EBACKEND.
    static Status open(const char* library, OpenVino*& out);

    const OpenVinoFunctions& call() const { return call_; }
    const std::string& version() const { return version_; }  // such as "2026.4.1"

    // Made when first asked for. FACEDGE_EBACKEND.
    Status core(ov_core_t*& out);

    // FACEDGE_EBACKEND: "openvino <did what>: <its reason>".
    Status check(ov_status_e code, const std::string& did_what) const;

private:
    Status load(const struct Library& library);

    OpenVinoFunctions call_;
    std::string version_;
    std::mutex mutex_;
    ov_core_t* core_ = nullptr;
};

}  // namespace facedge::plugin
