# Everything that is not ours. `./dev setup` puts it there; a system OpenVINO by OpenVINO_DIR.
find_package(Threads REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(simdjson REQUIRED)
find_package(fmt 9 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(yaml-cpp 0.7 REQUIRED)
add_library(accel_yaml INTERFACE)
if(TARGET yaml-cpp::yaml-cpp)  # its name from 0.8 on
  target_link_libraries(accel_yaml INTERFACE yaml-cpp::yaml-cpp)
else()
  target_link_libraries(accel_yaml INTERFACE yaml-cpp)
endif()
find_package(ZLIB REQUIRED)
find_package(JPEG REQUIRED)
find_package(PNG 1.6 REQUIRED)
if(ACCEL_TESTS)
  find_package(GTest 1.12 REQUIRED)
endif()

# Sound: what decodes it, and soxr. HTTP/2's frames: nghttp2.
find_package(PkgConfig REQUIRED)
foreach(library libmpg123 libnghttp2 sndfile soxr vorbisfile)
  pkg_check_modules(${library} QUIET IMPORTED_TARGET ${library})
  if(NOT ${library}_FOUND)
    message(FATAL_ERROR "pkg-config did not find ${library}. Run ./dev setup.")
  endif()
endforeach()

# XXH3, compiled into the one file that uses it: nothing to link, nothing to install.
find_path(ACCEL_XXHASH xxhash.h)
if(NOT ACCEL_XXHASH)
  message(FATAL_ERROR "xxhash.h was not found. Run ./dev setup, or install libxxhash-dev.")
endif()
add_library(accel_xxhash INTERFACE)
target_include_directories(accel_xxhash SYSTEM INTERFACE ${ACCEL_XXHASH})
target_compile_definitions(accel_xxhash INTERFACE XXH_INLINE_ALL)

# libcurl is opened at run time where it is there (src/hub/curl_library.h): only its headers.
find_path(ACCEL_CURL curl/curl.h)
if(NOT ACCEL_CURL)
  message(FATAL_ERROR "curl/curl.h was not found. Run ./dev setup, or install "
                      "libcurl4-openssl-dev.")
endif()
add_library(accel_curl INTERFACE)
target_include_directories(accel_curl SYSTEM INTERFACE ${ACCEL_CURL})
target_compile_definitions(accel_curl INTERFACE CURL_DISABLE_TYPECHECK)

# HTTP: Boost's Asio and Beast, of which nothing is linked, and OpenSSL.
find_package(OpenSSL 3.0 REQUIRED)
find_path(ACCEL_BOOST boost/beast/http/basic_parser.hpp)
if(NOT ACCEL_BOOST)
  message(FATAL_ERROR "boost/beast was not found. Run ./dev setup, or install libboost1.81-dev.")
endif()
# Clang 16 keeps the address of a thread's variable while a coroutine moves to another thread: Asio
# asks pthreads for its own instead.
add_library(accel_boost INTERFACE)
target_include_directories(accel_boost SYSTEM INTERFACE ${ACCEL_BOOST})
target_compile_definitions(accel_boost INTERFACE BOOST_ASIO_DISABLE_THREAD_KEYWORD_EXTENSION
                                                 BOOST_ASIO_NO_DEPRECATED
                                                 BOOST_ERROR_CODE_HEADER_ONLY)
target_link_libraries(accel_boost INTERFACE Threads::Threads)

# libwebp brings no CMake package in Debian 12.
find_path(ACCEL_WEBP webp/decode.h)
find_library(ACCEL_WEBP_LIBRARY webp)
find_library(ACCEL_WEBPDEMUX_LIBRARY webpdemux)
if(NOT ACCEL_WEBP OR NOT ACCEL_WEBP_LIBRARY OR NOT ACCEL_WEBPDEMUX_LIBRARY)
  message(FATAL_ERROR "libwebp was not found. Run ./dev setup, or install libwebp-dev.")
endif()
add_library(accel_webp INTERFACE)
target_include_directories(accel_webp SYSTEM INTERFACE ${ACCEL_WEBP})
target_link_libraries(accel_webp INTERFACE ${ACCEL_WEBPDEMUX_LIBRARY} ${ACCEL_WEBP_LIBRARY})

set(ACCEL_DEPS ${PROJECT_SOURCE_DIR}/.deps)
if(NOT OpenVINO_DIR AND NOT DEFINED ENV{OpenVINO_DIR} AND
   EXISTS ${ACCEL_DEPS}/openvino/cmake/OpenVINOConfig.cmake)
  set(OpenVINO_DIR ${ACCEL_DEPS}/openvino/cmake)
endif()
find_package(OpenVINO 2026.4 COMPONENTS Runtime)
if(NOT OpenVINO_FOUND)
  message(FATAL_ERROR "OpenVINO 2026.4 or later was not found. Run ./dev setup, or set "
                      "OpenVINO_DIR to the folder of an installed OpenVINOConfig.cmake.")
endif()

# The engine's own threads (oneTBB), for kernels that run inside it.
find_package(TBB REQUIRED CONFIG HINTS ${OpenVINO_DIR})

# The one Rust library: tokenizers and chat templates behind a C ABI (rust/textkit).
set(ACCEL_TEXTKIT ${ACCEL_DEPS}/textkit/libaccel_textkit.a)
if(NOT EXISTS ${ACCEL_TEXTKIT})
  message(FATAL_ERROR "${ACCEL_TEXTKIT} was not found. Run ./dev setup.")
endif()
add_library(accel_textkit STATIC IMPORTED)
set_target_properties(accel_textkit PROPERTIES
  IMPORTED_LOCATION ${ACCEL_TEXTKIT}
  INTERFACE_INCLUDE_DIRECTORIES ${PROJECT_SOURCE_DIR}/rust/textkit/include)
target_link_libraries(accel_textkit INTERFACE Threads::Threads ${CMAKE_DL_LIBS} m)
