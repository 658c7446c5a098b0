#include "precision/integers.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace accel::precision {
namespace {

constexpr float kF16Least = 6.103515625e-05F;  // the smallest with all its digits
constexpr float kF16Most = 65504.0F;
constexpr size_t kLanes = 16;

struct Range {
  float low = 0;  // never above 0
  float high = 0;
  bool finite = true;
};

// In lanes, so that a compiler makes vectors of it: it may not reorder a plain minimum of floats.
Range range_of(std::span<const float> x) {
  std::array<float, kLanes> low{};
  std::array<float, kLanes> high{};
  std::array<float, kLanes> unfit{};  // 0 * x: NaN once there was a NaN or an infinity
  size_t i = 0;
  for (; i + kLanes <= x.size(); i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const float value = x[i + lane];
      low[lane] = value < low[lane] ? value : low[lane];
      high[lane] = value > high[lane] ? value : high[lane];
      unfit[lane] += value * 0.0F;
    }
  }
  for (; i < x.size(); ++i) {
    low[0] = std::min(low[0], x[i]);
    high[0] = std::max(high[0], x[i]);
    unfit[0] += x[i] * 0.0F;
  }
  Range range{.low = *std::ranges::min_element(low), .high = *std::ranges::max_element(high)};
  for (const float lane : unfit) range.finite = range.finite && lane == 0.0F;
  return range;
}

// The nearest whole number, ties to even, of a value below 2^22 in size: adding 1.5 * 2^23 leaves
// no bits behind the point.
int32_t nearest(float x) {
  constexpr float kMagic = 12582912.0F;
  return std::bit_cast<int32_t>(x + kMagic) - std::bit_cast<int32_t>(kMagic);
}

float stored_scale(float scale, const IntegerScheme& scheme, IntegerGroup& group) {
  if (!scheme.half_scales) return scale;
  group.precise = std::abs(scale) >= kF16Least && std::abs(scale) <= kF16Most;
  uint16_t half = 0;
  to_f16({&scale, 1}, {&half, 1});
  const float stored = f16_value(half);
  return stored == 0 || std::isinf(stored) ? scale : stored;
}

void round_all(std::span<const float> x, float inverse, int zero, int least, int most,
               std::span<uint8_t> out) {
  const auto low = static_cast<float>(least);
  const auto high = static_cast<float>(most);
  const auto shift = static_cast<float>(zero);
  for (size_t i = 0; i < x.size(); ++i) {
    // Rounded before the zero point is added: it is whole.
    const float value = std::clamp(x[i] * inverse, low - shift, high - shift);
    out[i] = static_cast<uint8_t>(nearest(value) + zero);
  }
}

uint16_t f16_bits(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000U;
  uint32_t size = bits & 0x7FFFFFFFU;
  uint32_t half = 0;
  if (size >= 0x47800000U) {  // 65536 and above, infinity, NaN
    half = size > 0x7F800000U ? 0x7E00U : 0x7C00U;
  } else if (size < 0x38800000U) {  // below the smallest normal one: aligned by an addition
    const float aligned = std::bit_cast<float>(size) + 0.5F;
    half = std::bit_cast<uint32_t>(aligned) - std::bit_cast<uint32_t>(0.5F);
  } else {
    const uint32_t odd = (size >> 13) & 1U;
    size += 0xC8000FFFU + odd;  // exponent 127 -> 15, and half of the last digit
    half = size >> 13;
  }
  return static_cast<uint16_t>(half | sign);
}

}  // namespace

IntegerGroup quantize(std::span<const float> numbers, const IntegerScheme& scheme,
                      std::span<uint8_t> integers) {
  const Range range = range_of(numbers);
  IntegerGroup group{.finite = range.finite};
  const float size = std::max(range.high, -range.low);
  // Smaller ranges have no scale that could be divided by.
  constexpr float kLeastRange = std::numeric_limits<float>::min() * 1024;
  if (!range.finite || size < kLeastRange) {
    std::ranges::fill(integers, uint8_t{0});
    return group;
  }
  if (scheme.symmetric) {
    const bool narrow = scheme.bits == 4;
    const float largest = range.high > -range.low ? range.high : range.low;
    group.scale = stored_scale(narrow ? largest / -8 : size / 127, scheme, group);
    round_all(numbers, 1 / group.scale, 0, narrow ? -8 : -127, narrow ? 7 : 127, integers);
    return group;
  }
  const int most = (1 << scheme.bits) - 1;
  // Each half by itself: the difference could be too large for a float.
  const auto steps = static_cast<float>(most);
  group.scale = stored_scale(range.high / steps - range.low / steps, scheme, group);
  group.zero = std::clamp(nearest(-range.low / group.scale), 0, most);
  round_all(numbers, 1 / group.scale, group.zero, 0, most, integers);
  return group;
}

void dequantize(std::span<const uint8_t> integers, const IntegerScheme& scheme,
                const IntegerGroup& group, std::span<float> numbers) {
  for (size_t i = 0; i < integers.size(); ++i) {
    const int integer =
        scheme.symmetric ? static_cast<int>(static_cast<int8_t>(integers[i])) : integers[i];
    numbers[i] = group.scale * static_cast<float>(integer - group.zero);
  }
}

void pack_nibbles(std::span<uint8_t> bytes) {
  for (size_t i = 0; i < bytes.size() / 2; ++i) {
    bytes[i] = static_cast<uint8_t>((bytes[2 * i] & 0xF) | (bytes[2 * i + 1] & 0xF) << 4);
  }
}

bool to_f16(std::span<const float> numbers, std::span<uint16_t> halves) {
  uint32_t beyond = 0;
  for (size_t i = 0; i < numbers.size(); ++i) {
    halves[i] = f16_bits(numbers[i]);
    const uint32_t size = std::bit_cast<uint32_t>(numbers[i]) & 0x7FFFFFFFU;
    beyond |= static_cast<uint32_t>((halves[i] & 0x7FFF) == 0x7C00 && size < 0x7F800000U);
  }
  return beyond == 0;
}

bool to_bf16(std::span<const float> numbers, std::span<uint16_t> halves) {
  uint32_t beyond = 0;
  for (size_t i = 0; i < numbers.size(); ++i) {
    const auto bits = std::bit_cast<uint32_t>(numbers[i]);
    const uint32_t size = bits & 0x7FFFFFFFU;
    const uint32_t rounded = bits + 0x7FFFU + ((bits >> 16) & 1U);
    const uint32_t quiet = bits | 0x400000U;  // a NaN stays one
    halves[i] = static_cast<uint16_t>((size > 0x7F800000U ? quiet : rounded) >> 16);
    beyond |= static_cast<uint32_t>((halves[i] & 0x7FFF) == 0x7F80 && size < 0x7F800000U);
  }
  return beyond == 0;
}

float f16_value(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000U) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1FU;
  const uint32_t digits = bits & 0x3FFU;
  if (exponent == 0x1F) return std::bit_cast<float>(sign | 0x7F800000U | digits << 13);
  if (exponent == 0) {
    const float size = static_cast<float>(digits) * 5.9604644775390625e-08F;  // 2^-24
    return sign != 0 ? -size : size;
  }
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | digits << 13);
}

}  // namespace accel::precision
