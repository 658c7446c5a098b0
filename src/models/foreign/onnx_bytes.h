// For tests: ONNX files of a few bytes, put together by hand.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace accel::models::foreign {

inline std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

inline std::string number_field(uint32_t number, uint64_t value) {
  return varint(number << 3) + varint(value);
}

inline std::string bytes_field(uint32_t number, std::string_view bytes) {
  return varint(number << 3 | 2) + varint(bytes.size()) + std::string(bytes);
}

// A tensor whose numbers lie in another file.
inline std::string external_tensor(std::string_view name, std::string_view location,
                                   std::string_view offset = "0", std::string_view length = "16") {
  const auto entry = [](std::string_view key, std::string_view value) {
    return bytes_field(13, bytes_field(1, key) + bytes_field(2, value));
  };
  return number_field(1, 4) + number_field(2, 1) + bytes_field(8, name) +
         entry("location", location) + entry("offset", offset) + entry("length", length) +
         number_field(14, 1);
}

// A model of `opset` with what `graph` has besides.
inline std::string onnx_model(uint64_t opset, std::string_view graph) {
  return number_field(1, 8) + bytes_field(2, "a test") + bytes_field(7, graph) +
         bytes_field(8, bytes_field(1, "") + number_field(2, opset));
}

}  // namespace accel::models::foreign
