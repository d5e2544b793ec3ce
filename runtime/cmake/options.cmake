# Options, flags and the headers that are needed at build time only.
option(FACEDGE_ONNXRUNTIME "Build the ONNX Runtime back end" ON)
option(FACEDGE_OPENVINO "Build the OpenVINO back end (needs OpenVINO's headers)" ON)
option(FACEDGE_TENSORRT "Build the TensorRT back end (needs NvInferRuntime.h and nvcc)" OFF)
option(FACEDGE_STATIC "Install libfacedge.a too" OFF)
option(FACEDGE_TOOLS "Build facedge-verify and facedge-checkkernels" ON)
option(FACEDGE_EXAMPLES "Build the examples" ON)
option(FACEDGE_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(FACEDGE_FUZZ "Build the fuzz targets (needs clang)" OFF)
option(FACEDGE_INSTALL "Make the install and package targets" ${PROJECT_IS_TOP_LEVEL})
option(FACEDGE_WERROR "Treat warnings as errors" OFF)
set(FACEDGE_SANITIZE "" CACHE STRING "Sanitizers, such as address,undefined or thread")
set(FACEDGE_DEPS "${PROJECT_SOURCE_DIR}/.build/native-deps" CACHE PATH
    "Where runtime/cmake/fetch_headers.sh put headers; searched before the system's")

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  # In the cache, where the tests and the install rules see it too.
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo or MinSizeRel" FORCE)
endif()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(GNUInstallDirs)

add_library(facedge_flags INTERFACE)
target_compile_features(facedge_flags INTERFACE c_std_11 cxx_std_17)
target_compile_options(facedge_flags INTERFACE
  "$<$<COMPILE_LANGUAGE:C,CXX>:-Wall;-Wextra;-Wshadow;-Wvla;-fvisibility=hidden>"
  "$<$<COMPILE_LANGUAGE:C,CXX>:-ffunction-sections;-fdata-sections>"
  "$<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor;-fvisibility-inlines-hidden>"
  "$<$<AND:$<COMPILE_LANGUAGE:C,CXX>,$<BOOL:${FACEDGE_WERROR}>>:-Werror>")
target_compile_definitions(facedge_flags INTERFACE FACEDGE_BUILDING)
target_include_directories(facedge_flags INTERFACE
  ${PROJECT_SOURCE_DIR}/runtime/include ${PROJECT_SOURCE_DIR}/runtime/src)
if(FACEDGE_SANITIZE)
  target_compile_options(facedge_flags INTERFACE
    -fsanitize=${FACEDGE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  target_link_options(facedge_flags INTERFACE -fsanitize=${FACEDGE_SANITIZE})
else()
  # Sanitizers leave their runtime's symbols to the program.
  target_link_options(facedge_flags INTERFACE -Wl,--no-undefined)
endif()
if(FACEDGE_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "FACEDGE_FUZZ needs clang for libFuzzer, and the compiler is "
      "${CMAKE_CXX_COMPILER_ID}: configure with CC=clang CXX=clang++ in a fresh build folder")
  endif()
  target_compile_options(facedge_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# Where a program of the install tree finds the library, wherever the tree is moved to.
file(RELATIVE_PATH FACEDGE_BIN_TO_LIB
  ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
set(CMAKE_INSTALL_RPATH "$ORIGIN/${FACEDGE_BIN_TO_LIB}")

find_path(NLOHMANN_JSON_INCLUDE_DIR nlohmann/json.hpp HINTS ${FACEDGE_DEPS}/usr/include)
if(NOT NLOHMANN_JSON_INCLUDE_DIR)
  message(FATAL_ERROR "nlohmann/json.hpp was not found: run runtime/cmake/fetch_headers.sh, install "
    "nlohmann-json3-dev, or set NLOHMANN_JSON_INCLUDE_DIR")
endif()
