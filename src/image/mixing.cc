#include "image/mixing.h"

#include <algorithm>
#include <array>

#include "image/image.h"
#include "image/mixing_avx2.h"

namespace accel::image {
namespace {

constexpr int32_t kHalf = 1 << (kFractionBits - 1);

template <size_t kCount>
using Sums = std::array<int32_t, kCount>;

template <size_t kCount>
void add(Sums<kCount>& sums, const uint8_t* values, int32_t weight) {
  for (size_t i = 0; i < kCount; ++i) sums[i] += values[i] * weight;
}

template <size_t kCount>
void store(const Sums<kCount>& sums, uint8_t* to) {
  for (size_t i = 0; i < kCount; ++i) {
    to[i] = static_cast<uint8_t>(std::clamp(sums[i] >> kFractionBits, 0, 255));
  }
}

void mix_pixels(const uint8_t* block, const Coefficients& across, uint8_t* to) {
  constexpr size_t kPixel = kChannels * kLanes;
  for (size_t x = 0; x < across.taps.size(); ++x, to += kPixel) {
    const uint8_t* from = block + static_cast<size_t>(across.taps[x].first) * kPixel;
    Sums<kPixel> sums;
    sums.fill(kHalf);
    for (const int32_t weight : across.weights_of(x)) {
      add(sums, from, weight);
      from += kPixel;
    }
    store(sums, to);
  }
}

void mix_rows(const uint8_t* from, size_t stride, std::span<const int32_t> weights, uint8_t* to) {
  Sums<Mixing::kColumns * kLanes> sums;
  sums.fill(kHalf);
  for (const int32_t weight : weights) {
    add(sums, from, weight);
    from += stride;
  }
  store(sums, to);
}

}  // namespace

const Mixing kPlainMixing{mix_pixels, mix_rows};

const Mixing& mixing() {
  static const Mixing* const best = avx2_mixing();
  return best == nullptr ? kPlainMixing : *best;
}

}  // namespace accel::image
