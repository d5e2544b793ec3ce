# Options, flags and the headers that are needed at build time only.
option(FACEDGE_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(FACEDGE_TOOLS "Build facedge-verify and facedge-checkkernels" ON)
option(FACEDGE_EXAMPLES "Build the examples" ON)
option(FACEDGE_ONNXRUNTIME "Build the ONNX Runtime back end" ON)
option(FACEDGE_OPENVINO "Build the OpenVINO back end" ON)
option(FACEDGE_TENSORRT "Build the TensorRT back end (needs NvInferRuntime.h and nvcc)" OFF)
option(FACEDGE_WERROR "Treat warnings as errors" OFF)
set(FACEDGE_SANITIZE "" CACHE STRING "Sanitizers, such as address,undefined or thread")
set(FACEDGE_DEPS "${PROJECT_SOURCE_DIR}/.build/native-deps" CACHE PATH
    "Where runtime/cmake/fetch_headers.sh put headers; searched before the system's")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release)
endif()
include(GNUInstallDirs)

add_library(facedge_flags INTERFACE)
target_compile_features(facedge_flags INTERFACE c_std_11 cxx_std_17)
target_compile_options(facedge_flags INTERFACE
  -Wall -Wextra -Wshadow -Wvla $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>
  $<$<BOOL:${FACEDGE_WERROR}>:-Werror> -fvisibility=hidden
  $<$<COMPILE_LANGUAGE:CXX>:-fvisibility-inlines-hidden> -ffunction-sections -fdata-sections)
target_compile_definitions(facedge_flags INTERFACE FACEDGE_BUILDING)
target_include_directories(facedge_flags INTERFACE
  ${PROJECT_SOURCE_DIR}/runtime/include ${PROJECT_SOURCE_DIR}/runtime/src)
if(FACEDGE_SANITIZE)
  target_compile_options(facedge_flags INTERFACE
    -fsanitize=${FACEDGE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  target_link_options(facedge_flags INTERFACE -fsanitize=${FACEDGE_SANITIZE})
endif()

find_path(NLOHMANN_JSON_INCLUDE_DIR nlohmann/json.hpp HINTS ${FACEDGE_DEPS}/usr/include REQUIRED)
