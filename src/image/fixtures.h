// For the tests of this folder: the files of tools/make_image_fixtures.py.
#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "base/files.h"
#include "base/json.h"
#include "image/decode.h"
#include "image/image.h"

namespace accel::image {

inline std::filesystem::path fixture(std::string_view name) {
  return std::filesystem::path(ACCEL_TEST_DATA) / "images" / name;
}

inline std::string file_text(const std::filesystem::path& path) {
  const Result<std::string> text = read_file(path, 1 << 20);
  EXPECT_TRUE(text.ok()) << text.status().to_string();
  return text.ok() ? *text : std::string();
}

inline Json fixture_json(std::string_view name) {
  const Result<Json> json = read_json(fixture(name));
  EXPECT_TRUE(json.ok()) << json.status().to_string();
  return json.ok() ? *json : Json();
}

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

inline Image decoded(std::string_view name) {
  const Result<Image> image = decode(as_bytes(file_text(fixture(name))));
  EXPECT_TRUE(image.ok()) << name << ": " << image.status().to_string();
  return image.ok() ? *image : Image();
}

// zlib's checksum, which the fixtures have of what is too large to be kept.
template <class T>
uint32_t checksum(std::span<const T> values) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const unsigned char*>(values.data()), values.size_bytes()));
}

}  // namespace accel::image
