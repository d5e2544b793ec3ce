# Finds TensorRT's headers, and CUDA's, which they include. No library of either is needed to build.
find_path(FACEDGE_TENSORRT_INCLUDE_DIR NvInferRuntime.h
  HINTS ENV TENSORRT_HOME
  PATH_SUFFIXES include
  DOC "Folder of NvInferRuntime.h, TensorRT 10.3 or later")
if(NOT FACEDGE_TENSORRT_INCLUDE_DIR)
  message(FATAL_ERROR "NvInferRuntime.h was not found: set FACEDGE_TENSORRT_INCLUDE_DIR to the "
    "folder that has it (docs/jetson-native.md says where from), or FACEDGE_TENSORRT to OFF")
endif()
if(NOT TARGET facedge_cuda_driver)
  message(FATAL_ERROR "cuda.h was not found: set FACEDGE_CUDA_INCLUDE_DIR to the folder that has "
    "it, or FACEDGE_TENSORRT to OFF")
endif()
