// What each output position of one pass of a resampling takes from which input positions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "image/resample.h"

namespace accel::image {

inline constexpr int kFractionBits = 22;  // of a weight; 8 of the value and 2 for overshoot remain

struct Taps {
  int first = 0;  // input position
  int count = 0;
};

// Neighbouring positions.
struct Extent {
  int first = 0;
  int count = 0;
};

struct Coefficients {
  std::vector<Taps> taps;        // one per output position
  std::vector<int32_t> weights;  // `stride` per output position
  size_t stride = 0;

  std::span<const int32_t> weights_of(size_t position) const {
    return std::span(weights).subspan(position * stride, static_cast<size_t>(taps[position].count));
  }

  // The input positions that any output position takes from.
  Extent inputs() const {
    return {taps.front().first, taps.back().first + taps.back().count - taps.front().first};
  }
};

// A scaling of `from` positions to `to`, of which the output positions [begin, begin + count) are
// wanted. Any filter but kNearest.
struct Scaling {
  int from = 0;
  int to = 0;
  int begin = 0;
  int count = 0;
};
Coefficients coefficients(const Scaling& scaling, Filter filter);

}  // namespace accel::image
