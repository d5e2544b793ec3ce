# cpack -G DEB: libfacedge1, facedge-tools, libfacedge-dev. The deb preset configures for /usr.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME facedge)
set(CPACK_PACKAGE_VENDOR "facedge")
set(CPACK_PACKAGE_CONTACT "facedge maintainers <maintainers@facedge.invalid>")
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
set(CPACK_COMPONENTS_ALL runtime dev)
if(tools)
  list(APPEND CPACK_COMPONENTS_ALL tools)
endif()

# CPack would put another summary before each description; it leaves out this one.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${CMAKE_PROJECT_NAME} built using CMake")
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(library libfacedge${PROJECT_VERSION_MAJOR})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME ${library})
set(CPACK_DEBIAN_RUNTIME_DESCRIPTION "restores small faces and reads their action units
Plays facedge bundles, compiled face super-resolution and action-unit networks,
on the frames of a camera. Inference is done by ONNX Runtime, OpenVINO or
TensorRT, whichever is installed; each is loaded when it is first used.")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SUGGESTS "libonnxruntime1.21, libopenvino")
set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME facedge-tools)
set(CPACK_DEBIAN_TOOLS_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_TOOLS_PACKAGE_DEPENDS "${library} (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_TOOLS_DESCRIPTION "checks facedge bundles and the image kernels on this machine
facedge-verify compares a bundle's files with their hashes and plays its golden
vectors; facedge-checkkernels compares and times the image kernels.")
set(CPACK_DEBIAN_DEV_PACKAGE_NAME libfacedge-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_DESCRIPTION "headers of libfacedge, with CMake and pkg-config files
What a program needs that embeds libfacedge: C headers, the link, CMake's and
pkg-config's files and the examples.")
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "${library} (= ${PROJECT_VERSION})")

# dpkg-shlibdeps knows which versions of libc and libstdc++ the symbols need.
find_program(FACEDGE_SHLIBDEPS dpkg-shlibdeps)
if(FACEDGE_SHLIBDEPS AND NOT CMAKE_CROSSCOMPILING)
  set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
  set(CPACK_DEBIAN_TOOLS_PACKAGE_SHLIBDEPS ON)
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/runtime/src)
else()
  set(CPACK_DEBIAN_RUNTIME_PACKAGE_DEPENDS "libc6, libgcc-s1, libstdc++6")
  string(APPEND CPACK_DEBIAN_TOOLS_PACKAGE_DEPENDS ", libc6, libgcc-s1, libstdc++6")
endif()
# A shlibs file for packages built on this one, and ldconfig's trigger.
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
include(CPack)
