// The inner loops of a resampling, in the form that the processor is quickest with. All give the
// same: sums of 32 bits, rounded to 8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "image/coefficients.h"

namespace accel::image {

inline constexpr size_t kLanes = 8;  // rows, or columns, that are mixed at once

struct Mixing {
  // Mixes the pixels of kLanes rows into as many as `across` has positions. Rows lie side by side,
  // so that one weight meets all of them: channel c of pixel x of row r lies at
  // (x * kChannels + c) * kLanes + r, in `block` as in `to`.
  void (*pixels)(const uint8_t* block, const Coefficients& across, uint8_t* to);

  // Mixes bytes of rows, `stride` apart, one row per weight: kLanes * kColumns of them.
  void (*rows)(const uint8_t* from, size_t stride, std::span<const int32_t> weights, uint8_t* to);
  static constexpr size_t kColumns = 4;
};

// For any processor.
extern const Mixing kPlainMixing;

// The best one for this processor.
const Mixing& mixing();

}  // namespace accel::image
