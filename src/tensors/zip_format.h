// Inside the ZIP reader and writer: the records of the format (PKWARE APPNOTE 6.3), with the
// offsets of their fields. For users see zip.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace accel::tensors {

struct ZipFormat {
  // Signatures.
  static constexpr uint32_t kLocal = 0x04034b50;
  static constexpr uint32_t kCentral = 0x02014b50;
  static constexpr uint32_t kEnd = 0x06054b50;
  static constexpr uint32_t kEnd64 = 0x06064b50;
  static constexpr uint32_t kLocator64 = 0x07064b50;

  // Sizes without the variable parts.
  static constexpr size_t kLocalBytes = 30;
  static constexpr size_t kCentralBytes = 46;
  static constexpr size_t kEndBytes = 22;
  static constexpr size_t kEnd64Bytes = 56;
  static constexpr size_t kLocator64Bytes = 20;

  // Bits of the flags.
  static constexpr uint16_t kEncrypted = 1 << 0 | 1 << 6 | 1 << 13;
  static constexpr uint16_t kSizesFollow = 1 << 3;  // the local header has zeros for the sizes
  static constexpr uint16_t kUtf8 = 1 << 11;

  static constexpr uint16_t kExtra64 = 1;            // the extra field with 64-bit sizes
  static constexpr uint16_t kIn64 = 0xFFFF;          // "see the ZIP64 record", 16 bits wide
  static constexpr uint32_t kIn64Long = 0xFFFFFFFF;  // the same, 32 bits wide
};

// A little-endian number at `at`; the caller has checked that it lies inside.
template <class T>
T zip_number(std::span<const std::byte> bytes, size_t at) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value |= static_cast<T>(static_cast<T>(std::to_integer<uint8_t>(bytes[at + i])) << (8 * i));
  }
  return value;
}

template <class T>
void put_zip_number(std::string& text, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) text += static_cast<char>(value >> (8 * i) & 0xFF);
}

}  // namespace accel::tensors
