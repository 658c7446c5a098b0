// How files of ours that an engine writes into end: eight letters that name the format and two
// numbers, little-endian. What comes first need not be known when writing starts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace accel::backend {

inline constexpr size_t kTrailerBytes = 24;

inline void put(std::string& text, uint64_t value) {
  for (size_t i = 0; i < sizeof value; ++i) text += static_cast<char>(value >> 8 * i & 0xFF);
}

inline uint64_t number_at(std::string_view text, size_t at) {
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof value; ++i) {
    value |= static_cast<uint64_t>(static_cast<unsigned char>(text[at + i])) << 8 * i;
  }
  return value;
}

}  // namespace accel::backend
