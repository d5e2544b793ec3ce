# The install tree, usable with find_package(facedge CONFIG) and pkg-config from wherever it is moved
# to. Components: runtime (library and back ends), tools, dev.
include(CMakePackageConfigHelpers)
set(FACEDGE_PLUGIN_DIR ${CMAKE_INSTALL_LIBDIR}/facedge)
set(FACEDGE_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/facedge)

install(TARGETS facedge EXPORT facedgeTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT dev)
get_property(plugins GLOBAL PROPERTY FACEDGE_PLUGINS)
foreach(plugin ${plugins})
  set_target_properties(${plugin} PROPERTIES INSTALL_RPATH "")
  install(TARGETS ${plugin} LIBRARY DESTINATION ${FACEDGE_PLUGIN_DIR} COMPONENT runtime)
endforeach()
install(FILES ${PROJECT_SOURCE_DIR}/runtime/cmake/copyright
  DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libfacedge${PROJECT_VERSION_MAJOR} COMPONENT runtime)

# Every program of runtime/tools and its folders.
function(facedge_programs folder result)
  set(programs)
  get_property(targets DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target ${targets})
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "EXECUTABLE")
      list(APPEND programs ${target})
    endif()
  endforeach()
  get_property(subfolders DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
  foreach(subfolder ${subfolders})
    facedge_programs(${subfolder} more)
    list(APPEND programs ${more})
  endforeach()
  set(${result} ${programs} PARENT_SCOPE)
endfunction()
set(tools)
if(FACEDGE_TOOLS)
  facedge_programs(${PROJECT_SOURCE_DIR}/runtime/tools tools)
endif()
if(tools)
  install(TARGETS ${tools} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT tools)
  install(FILES ${PROJECT_SOURCE_DIR}/runtime/cmake/copyright
    DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/facedge-tools COMPONENT tools)
endif()

install(DIRECTORY ${PROJECT_SOURCE_DIR}/runtime/include/facedge
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev FILES_MATCHING PATTERN "*.h")
install(EXPORT facedgeTargets NAMESPACE facedge:: DESTINATION ${FACEDGE_CMAKE_DIR} COMPONENT dev)
if(FACEDGE_STATIC)
  install(TARGETS facedge_static EXPORT facedgeStaticTargets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
  install(EXPORT facedgeStaticTargets NAMESPACE facedge::
    DESTINATION ${FACEDGE_CMAKE_DIR} COMPONENT dev)
endif()
configure_package_config_file(${PROJECT_SOURCE_DIR}/runtime/cmake/facedgeConfig.cmake.in
  ${PROJECT_BINARY_DIR}/facedgeConfig.cmake INSTALL_DESTINATION ${FACEDGE_CMAKE_DIR}
  PATH_VARS FACEDGE_PLUGIN_DIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/facedgeConfigVersion.cmake
  COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_BINARY_DIR}/facedgeConfig.cmake
  ${PROJECT_BINARY_DIR}/facedgeConfigVersion.cmake
  DESTINATION ${FACEDGE_CMAKE_DIR} COMPONENT dev)

# facedge.pc finds its prefix from where it lies, unless folders were given as absolute paths.
file(RELATIVE_PATH up ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" FACEDGE_PC_PREFIX "\${pcfiledir}/${up}")
foreach(folder LIBDIR INCLUDEDIR)
  set(FACEDGE_PC_${folder} "\${prefix}/${CMAKE_INSTALL_${folder}}")
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${folder}}")
    set(FACEDGE_PC_${folder} "${CMAKE_INSTALL_${folder}}")
  endif()
endforeach()
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(FACEDGE_PC_PREFIX "${CMAKE_INSTALL_PREFIX}")
endif()
configure_file(${PROJECT_SOURCE_DIR}/runtime/cmake/facedge.pc.in ${PROJECT_BINARY_DIR}/facedge.pc
  @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/facedge.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/runtime/examples
  DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libfacedge-dev COMPONENT dev
  FILES_MATCHING PATTERN "*.c" PATTERN "*.h" PATTERN "*.cpp" PATTERN "*.hpp")
install(FILES ${PROJECT_SOURCE_DIR}/runtime/cmake/copyright
  DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libfacedge-dev COMPONENT dev)

include(${CMAKE_CURRENT_LIST_DIR}/package.cmake)
