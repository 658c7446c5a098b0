# libaccel.so, for programs that bring their own main. The objects that define the public interface
# are named, so that the linker keeps them whole; the rest comes in as they need it.
if(TARGET accel_engine AND NOT ACCEL_SANITIZE)
  add_library(accel_shared SHARED $<TARGET_OBJECTS:accel_engine> $<TARGET_OBJECTS:accel_config>
                                  $<TARGET_OBJECTS:accel_base>)
  target_link_libraries(accel_shared PRIVATE accel_engine accel_config)
  target_link_options(accel_shared PRIVATE
                      LINKER:--version-script=${PROJECT_SOURCE_DIR}/cmake/libaccel.map)
  set_target_properties(accel_shared PROPERTIES
    OUTPUT_NAME accel EXPORT_NAME accel
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
    LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/libaccel.map)
  target_compile_features(accel_shared INTERFACE cxx_std_20)

  # The same without the OpenVINO backend, for a test to compare what both export.
  if(ACCEL_OPENVINO_BACKEND AND ACCEL_TESTS)
    add_library(accel_core_shared SHARED
                $<TARGET_OBJECTS:accel_engine> $<TARGET_OBJECTS:accel_config>
                $<TARGET_OBJECTS:accel_base>
                ${PROJECT_SOURCE_DIR}/src/backends/openvino/left_out.cc)
    target_link_libraries(accel_core_shared PRIVATE accel_engine accel_config)
    target_link_options(accel_core_shared PRIVATE
                        LINKER:--version-script=${PROJECT_SOURCE_DIR}/cmake/libaccel.map)
    set_target_properties(accel_core_shared PROPERTIES
      OUTPUT_NAME accel_core LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/libaccel.map)
  endif()
endif()
