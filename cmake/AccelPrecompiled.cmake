# accel_precompile(TARGET FOR): `FOR` is `libraries` or `tests`.
#
# Other people's headers that most sources include, parsed once, in builds by Clang: those for
# sanitizers, which take the longest. GCC 12 gains little by it, and forgets that they are not ours
# when it looks for what to warn of. Sources include what they use all the same: the presets
# `release` and `tidy` do without. OpenVINO's are left out: loading all takes longer than some.
#
# Libraries and programs have one set each: their code is position independent in other ways, and a
# compiler takes no headers of one for the other.
if(NOT CMAKE_CXX_COMPILER_ID MATCHES Clang OR CMAKE_DISABLE_PRECOMPILE_HEADERS)
  function(accel_precompile)
  endfunction()
  return()
endif()

set(headers <algorithm> <array> <atomic> <chrono> <filesystem> <fstream> <functional> <map>
            <memory> <mutex> <optional> <set> <span> <sstream> <string> <string_view> <thread>
            <utility> <variant> <vector> <fmt/format.h> <fmt/ranges.h> <nlohmann/json.hpp>)
function(accel_precompile target for)
  target_precompile_headers(${target} REUSE_FROM accel_headers_${for})
endfunction()
set(holder ${CMAKE_BINARY_DIR}/headers.cc)
if(NOT EXISTS ${holder})
  file(WRITE ${holder} "int main() {}\n")
endif()

# Macros of theirs hold for every source, or the compiler would take the headers for others.
target_compile_definitions(accel_flags INTERFACE
  $<TARGET_PROPERTY:fmt::fmt,INTERFACE_COMPILE_DEFINITIONS> _GLIBCXX_USE_CXX11_ABI=1)

add_library(accel_headers_libraries OBJECT ${holder})
target_link_libraries(accel_headers_libraries PRIVATE accel_flags fmt::fmt
                                                       nlohmann_json::nlohmann_json)
target_precompile_headers(accel_headers_libraries PRIVATE ${headers})

if(ACCEL_TESTS)
  add_executable(accel_headers_tests ${holder})
  target_link_libraries(accel_headers_tests PRIVATE accel_flags fmt::fmt GTest::gmock
                                                    nlohmann_json::nlohmann_json)
  target_precompile_headers(accel_headers_tests PRIVATE ${headers} <gmock/gmock.h> <gtest/gtest.h>)
  target_compile_options(accel_headers_tests PRIVATE -O0)
endif()
