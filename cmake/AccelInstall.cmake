# cmake --install: a prefix that can be moved anywhere and needs nothing of this tree.
#
#   bin/accel                         the program
#   lib/libaccel.so, include/accel/   the library; lib/cmake/accel for find_package(accel)
#   lib/accel/                        the engine, its plug-ins and every library it needs that is
#                                     not part of the C++ tool chain
#   share/accel/self-test             the tiny model of `accel self-test`
#   share/doc/accel                   licences
#   share/man/man1, share/bash-completion, share/zsh, share/fish
#   lib/systemd/system                accel.service and accel.socket, of this prefix
include(CMakePackageConfigHelpers)
include(AccelLibrary)

get_target_property(ACCEL_ENGINE_LIBRARY openvino::runtime IMPORTED_LOCATION_RELEASE)
get_filename_component(ACCEL_ENGINE_FOLDER ${ACCEL_ENGINE_LIBRARY} DIRECTORY)

# What the engine opens at run time: plug-ins, front ends and what is loaded by name. A wheel has no
# symbolic links, and a system SDK's are followed.
file(GLOB ACCEL_ENGINE_FILES
     ${ACCEL_ENGINE_FOLDER}/libopenvino.so.*
     ${ACCEL_ENGINE_FOLDER}/libopenvino_*_plugin.so
     ${ACCEL_ENGINE_FOLDER}/libopenvino_ir_frontend.so.*
     ${ACCEL_ENGINE_FOLDER}/libopenvino_onnx_frontend.so.*
     ${ACCEL_ENGINE_FOLDER}/libopenvino_paddle_frontend.so.*
     ${ACCEL_ENGINE_FOLDER}/libopenvino_tensorflow_frontend.so.*
     ${ACCEL_ENGINE_FOLDER}/libopenvino_tensorflow_lite_frontend.so.*
     ${ACCEL_ENGINE_FOLDER}/libtbb*.so.*
     ${ACCEL_ENGINE_FOLDER}/libhwloc.so.*
     ${ACCEL_ENGINE_FOLDER}/cache.json)
install(FILES ${ACCEL_ENGINE_FILES} DESTINATION lib/accel)

set(ACCEL_INSTALLED "")
if(TARGET accel)
  set_target_properties(accel PROPERTIES INSTALL_RPATH "$ORIGIN/../lib/accel")
  install(TARGETS accel RUNTIME DESTINATION bin)
  list(APPEND ACCEL_INSTALLED "$<TARGET_FILE:accel>")
endif()

foreach(program accel-probe accel-worker)
  if(TARGET ${program})
    set_target_properties(${program} PROPERTIES INSTALL_RPATH "$ORIGIN")
    install(TARGETS ${program} RUNTIME DESTINATION lib/accel)
    list(APPEND ACCEL_INSTALLED "$<TARGET_FILE:${program}>")
  endif()
endforeach()

if(TARGET accel_shared)
  set_target_properties(accel_shared PROPERTIES INSTALL_RPATH "$ORIGIN/accel")
  target_include_directories(accel_shared INTERFACE $<INSTALL_INTERFACE:include>)
  install(TARGETS accel_shared EXPORT accelTargets LIBRARY DESTINATION lib)
  list(APPEND ACCEL_INSTALLED "$<TARGET_FILE:accel_shared>")
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/accel DESTINATION include
          FILES_MATCHING PATTERN "*.h")
  install(EXPORT accelTargets NAMESPACE accel:: DESTINATION lib/cmake/accel)
  configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/accelConfig.cmake.in
                                ${PROJECT_BINARY_DIR}/accelConfig.cmake
                                INSTALL_DESTINATION lib/cmake/accel)
  write_basic_package_version_file(${PROJECT_BINARY_DIR}/accelConfigVersion.cmake
                                   COMPATIBILITY SameMinorVersion)
  install(FILES ${PROJECT_BINARY_DIR}/accelConfig.cmake
                ${PROJECT_BINARY_DIR}/accelConfigVersion.cmake
          DESTINATION lib/cmake/accel)
endif()

# The libraries that these were linked to, found as the loader finds them.
if(ACCEL_INSTALLED)
  install(CODE "set(accel_binaries ${ACCEL_INSTALLED})
set(accel_engine_folder ${ACCEL_ENGINE_FOLDER})")
  install(CODE [[
    file(GET_RUNTIME_DEPENDENCIES
         EXECUTABLES ${accel_binaries}
         DIRECTORIES ${accel_engine_folder}
         RESOLVED_DEPENDENCIES_VAR found
         UNRESOLVED_DEPENDENCIES_VAR missing
         PRE_EXCLUDE_REGEXES "^ld-linux" "^lib(c|m|dl|rt|pthread|resolv|stdc\\+\\+|gcc_s)\\.so")
    if(missing)
      message(FATAL_ERROR "these libraries were not found: ${missing}")
    endif()
    file(INSTALL ${found} DESTINATION ${CMAKE_INSTALL_PREFIX}/lib/accel FOLLOW_SYMLINK_CHAIN)
  ]])
endif()

if(EXISTS ${PROJECT_SOURCE_DIR}/tests/data/bert-feature)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/tests/data/bert-feature/
          DESTINATION share/accel/self-test)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/tests/data/foreign/bert-feature-onnx/
          DESTINATION share/accel/self-test/onnx)
endif()
# Manual pages and completions are what the program says of itself.
if(TARGET accel)
  install(CODE "set(accel_program $<TARGET_FILE:accel>)")
  install(CODE [[
    set(accel_share $ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/share)
    execute_process(COMMAND ${accel_program} help --man ${accel_share}/man/man1
                    COMMAND_ERROR_IS_FATAL ANY)
    foreach(file bash-completion/completions/accel zsh/site-functions/_accel
            fish/vendor_completions.d/accel.fish)
      string(REGEX MATCH "^[a-z]+" shell ${file})
      execute_process(COMMAND ${accel_program} completion ${shell}
                      OUTPUT_VARIABLE script COMMAND_ERROR_IS_FATAL ANY)
      file(WRITE ${accel_share}/${file} "${script}")
    endforeach()
  ]])
endif()

# The service of the place where it is installed.
install(FILES packaging/systemd/accel.socket DESTINATION lib/systemd/system)
install(CODE "set(accel_units ${PROJECT_SOURCE_DIR}/packaging/systemd)")
install(CODE [[
  set(accel_prefix ${CMAKE_INSTALL_PREFIX})
  configure_file(${accel_units}/accel.service.in
                 $ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/lib/systemd/system/accel.service @ONLY)
]])
install(FILES LICENSE NOTICE DESTINATION share/doc/accel)
if(EXISTS ${ACCEL_ENGINE_FOLDER}/../licenses)
  install(DIRECTORY ${ACCEL_ENGINE_FOLDER}/../licenses/ DESTINATION share/doc/accel/openvino)
endif()
