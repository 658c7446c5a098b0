// Pixels to PNG files: masks, maps of classes and images with boxes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "accel/status.h"
#include "image/image.h"

namespace accel::image {

using Colour = std::array<uint8_t, kChannels>;

// One byte per pixel, rows from the top down.
struct Plane {
  Size size;
  std::span<const uint8_t> values;
};

// INVALID_ARGUMENT for no pixels or a number of values that is not that of the size;
// RESOURCE_EXHAUSTED without memory.
Result<std::vector<std::byte>> encode_png(const Image& image);
Result<std::vector<std::byte>> encode_gray_png(const Plane& plane);
// Values are indices into `palette` of 1 to 256 colours; one beyond it is INVALID_ARGUMENT.
Result<std::vector<std::byte>> encode_palette_png(const Plane& plane,
                                                  std::span<const Colour> palette);

}  // namespace accel::image
