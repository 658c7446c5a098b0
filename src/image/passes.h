// The two passes of a resampling: what it spends its time on.
#pragma once

#include <cstddef>
#include <cstdint>

#include "image/coefficients.h"
#include "image/image.h"

namespace accel::image {

// A rectangle of an image or of what a pass made of it.
struct Region {
  const uint8_t* pixels = nullptr;  // the first one
  size_t stride = 0;                // bytes from a row to the next
  int left = 0;                     // the position of the first pixel, as coefficients count
  int top = 0;
  Size size;
};

// Scales each row of `from` to as many pixels as `across` has positions, into `to`, row behind row.
void horizontal_pass(const Region& from, const Coefficients& across, uint8_t* to);

// Mixes the rows of `from` to as many as `down` has positions, into `to`, row behind row.
void vertical_pass(const Region& from, const Coefficients& down, uint8_t* to);

}  // namespace accel::image
