# Compiler settings shared by every target, as the interface library `accel_flags`.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)

find_program(ACCEL_CCACHE ccache)
if(ACCEL_CCACHE)
  # The precompiled headers' own settings; see ccache's manual, "Precompiled headers".
  string(CONCAT sloppiness CCACHE_SLOPPINESS=pch_defines,time_macros,
                include_file_mtime,include_file_ctime)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env ${sloppiness} ${ACCEL_CCACHE})
endif()

add_library(accel_flags INTERFACE)
target_compile_options(accel_flags INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Werror
                                             # Designated initialisers leave defaults on purpose.
                                             -Wno-missing-field-initializers
                                             -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # GCC 12 warns falsely about std::variant and std::optional at -O2.
  target_compile_options(accel_flags INTERFACE -Wno-maybe-uninitialized -Wno-restrict)
endif()
target_link_options(accel_flags INTERFACE -fuse-ld=mold)
if(ACCEL_SANITIZE)
  target_compile_options(accel_flags INTERFACE -fsanitize=${ACCEL_SANITIZE}
                                               -fno-sanitize-recover=all)
  target_link_options(accel_flags INTERFACE -fsanitize=${ACCEL_SANITIZE})
endif()
if(ACCEL_SANITIZE MATCHES undefined)
  # The use of a null pointer is told by the address sanitizer, too; these take compile time.
  target_compile_options(accel_flags INTERFACE -fno-sanitize=null,object-size,vptr)
endif()
if(ACCEL_FUZZ)
  target_compile_options(accel_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(ACCEL_COVERAGE)
  target_compile_options(accel_flags INTERFACE --coverage)
  target_link_options(accel_flags INTERFACE --coverage)
endif()
