// Words of clients, for what is kept of a request: short enough for a line.
#pragma once

#include <cstddef>
#include <string_view>

namespace accel::server {

constexpr size_t kClippedBytesMax = 512;

// The first bytes of a text, whole characters.
constexpr std::string_view clipped(std::string_view text) {
  if (text.size() <= kClippedBytesMax) return text;
  size_t size = kClippedBytesMax;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size);
}

}  // namespace accel::server
