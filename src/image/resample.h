// Scaling, equal to Image.resize of Pillow 13 byte for byte (its Resample.c and, for the nearest
// neighbour, Geometry.c): filters as wide as the reduction, coefficients of 22 fractional bits, a
// pass in each direction with 8 bits between them.
#pragma once

#include <cstdint>
#include <optional>

#include "accel/status.h"
#include "image/image.h"

namespace accel::image {

// Numbered as in Pillow and in preprocessor_config.json.
enum class Filter : uint8_t {
  kNearest = 0,
  kLanczos = 1,
  kBilinear = 2,
  kBicubic = 3,
  kBox = 4,
  kHamming = 5,
};

// A rectangle of pixels.
struct Window {
  int left = 0;
  int top = 0;
  Size size;
};

struct ResampleOptions {
  Size size;  // of the whole result; at most 2^30 pixels on a side
  Filter filter = Filter::kBilinear;
  // The part of the result that is wanted; the rest is not computed. Inside `size`.
  std::optional<Window> window;
};

// The result, or its window. INVALID_ARGUMENT for an empty image or size or a window beyond it;
// RESOURCE_EXHAUSTED for a window of more than 2^28 pixels or 10^6 on a side, or without memory.
Result<Image> resample(const Image& image, const ResampleOptions& options);

}  // namespace accel::image
