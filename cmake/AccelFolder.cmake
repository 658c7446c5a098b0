# accel_folder(NAME STOREY n [ONE_THREAD] SOURCES ...
#              [DEPENDS folders...] [LINK libraries...] [TESTS ...] [FUZZ ...])
#
# One source folder = one static library `accel_NAME` (slashes become underscores) with its unit
# tests (`NAME_test`) and fuzz targets. A folder may depend only on folders of a lower storey: the
# storey written here is checked now, and the includes are checked again by tests/layers. The target
# `fuzzers` builds all fuzz targets. ONE_THREAD: nothing in the folder starts a thread or is shared
# by several, so the thread sanitizer's build leaves its tests out.
if(ACCEL_FUZZ)
  add_custom_target(fuzzers)
endif()

# How programs of tests are compiled: making the tests themselves fast would take half of the time.
function(accel_test_program target)
  target_compile_options(${target} PRIVATE -O0)
  accel_precompile(${target} tests)
  target_compile_definitions(${target} PRIVATE ACCEL_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data")
endfunction()

function(accel_folder name)
  cmake_parse_arguments(ARG "ONE_THREAD" "STOREY" "SOURCES;DEPENDS;LINK;TESTS;FUZZ" ${ARGN})
  string(REPLACE "/" "_" id ${name})
  set_property(GLOBAL PROPERTY accel_storey_${id} ${ARG_STOREY})
  set_property(GLOBAL APPEND PROPERTY accel_folders ${name})
  set(library accel_${id})

  set(sources ${ARG_SOURCES})
  list(TRANSFORM sources PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/${name}/)
  add_library(${library} STATIC ${sources})
  target_include_directories(${library} PUBLIC ${PROJECT_SOURCE_DIR}/include
                                               ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${library} PUBLIC accel_flags)
  accel_precompile(${library} libraries)
  foreach(dependency IN LISTS ARG_DEPENDS)
    string(REPLACE "/" "_" dependency_id ${dependency})
    get_property(below GLOBAL PROPERTY accel_storey_${dependency_id})
    if("${below}" STREQUAL "")
      message(FATAL_ERROR "src/${name} depends on src/${dependency}, which is not declared "
                          "above it")
    elseif(NOT below LESS ARG_STOREY)
      message(FATAL_ERROR "src/${name} (storey ${ARG_STOREY}) may not depend on src/${dependency} "
                          "(storey ${below}): only lower storeys")
    endif()
    target_link_libraries(${library} PUBLIC accel_${dependency_id})
  endforeach()
  target_link_libraries(${library} PUBLIC ${ARG_LINK})

  if(ARG_ONE_THREAD AND ACCEL_SANITIZE MATCHES thread)
    set(ARG_TESTS)
  endif()
  if(ARG_TESTS AND ACCEL_TESTS)
    list(TRANSFORM ARG_TESTS PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/${name}/)
    add_executable(${id}_test ${ARG_TESTS})
    target_link_libraries(${id}_test PRIVATE ${library} GTest::gmock_main)
    accel_test_program(${id}_test)
    add_test(NAME unit.${id} COMMAND ${id}_test)
  endif()
  if(ARG_FUZZ AND ACCEL_FUZZ)
    foreach(source IN LISTS ARG_FUZZ)
      get_filename_component(target ${source} NAME_WE)
      add_executable(${target} ${CMAKE_CURRENT_SOURCE_DIR}/${name}/${source})
      target_link_libraries(${target} PRIVATE ${library} -fsanitize=fuzzer)
      target_compile_definitions(${target} PRIVATE
                                 ACCEL_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data")
      set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
      add_dependencies(fuzzers ${target})
    endforeach()
  endif()
endfunction()
