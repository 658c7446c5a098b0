// Unsigned numbers out of bytes, in either order. The caller has checked that they are there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace accel::image {

inline uint8_t number8(std::span<const std::byte> bytes, size_t at) {
  return std::to_integer<uint8_t>(bytes[at]);
}

template <class T>
T little(std::span<const std::byte> bytes, size_t at) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(value | static_cast<T>(T{number8(bytes, at + i)} << (8 * i)));
  }
  return value;
}

template <class T>
T big(std::span<const std::byte> bytes, size_t at) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(static_cast<T>(value << 8) | T{number8(bytes, at + i)});
  }
  return value;
}

}  // namespace accel::image
