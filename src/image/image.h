// Image: pixels as every part of this folder takes and gives them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "accel/status.h"

namespace accel::image {

inline constexpr int kChannels = 3;  // red, green, blue

// Width before height in the order of fields; messages say "WIDTHxHEIGHT".
struct Size {
  int width = 0;
  int height = 0;

  bool operator==(const Size&) const = default;
  uint64_t pixels() const { return static_cast<uint64_t>(width) * static_cast<uint64_t>(height); }
};

// 8-bit RGB, interleaved, rows from the top down without padding. A value.
struct Image {
  Size size;
  std::vector<uint8_t> pixels;  // size.width * size.height * kChannels

  size_t row_bytes() const { return static_cast<size_t>(size.width) * kChannels; }
  std::span<uint8_t> row(int y) {
    return std::span(pixels).subspan(static_cast<size_t>(y) * row_bytes(), row_bytes());
  }
  std::span<const uint8_t> row(int y) const {
    return std::span(pixels).subspan(static_cast<size_t>(y) * row_bytes(), row_bytes());
  }
};

// A black image. RESOURCE_EXHAUSTED when the memory is not to be had.
Result<Image> black_image(Size size);

}  // namespace accel::image
