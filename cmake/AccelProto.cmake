# accel_proto(TARGET OUTPUT FOLDER files...): what protoc makes of .proto files below FOLDER (a
# FileDescriptorSet, in the order of their imports), as numbers with commas between, in the file
# OUTPUT, which TARGET may include. The target `generated` makes all such files.
find_program(ACCEL_PROTOC protoc)
if(NOT ACCEL_PROTOC)
  message(FATAL_ERROR "protoc was not found. Run ./dev setup, or install protobuf-compiler.")
endif()

add_custom_target(generated)

function(accel_proto target output folder)
  set(generated ${CMAKE_BINARY_DIR}/generated)
  file(MAKE_DIRECTORY ${generated})
  set(sources ${ARGN})
  list(TRANSFORM sources PREPEND ${folder}/)
  add_custom_command(
    OUTPUT ${generated}/${output}
    COMMAND ${ACCEL_PROTOC} -I ${folder} --include_imports
            --descriptor_set_out=${generated}/${output}.bin ${ARGN}
    COMMAND ${CMAKE_COMMAND} -D FROM=${generated}/${output}.bin -D TO=${generated}/${output}
            -P ${PROJECT_SOURCE_DIR}/cmake/bytes_as_numbers.cmake
    DEPENDS ${sources} ${PROJECT_SOURCE_DIR}/cmake/bytes_as_numbers.cmake
    VERBATIM)
  add_custom_target(${target}_${output} DEPENDS ${generated}/${output})
  add_dependencies(${target} ${target}_${output})
  add_dependencies(generated ${target}_${output})
  target_include_directories(${target} PRIVATE ${generated})
endfunction()
