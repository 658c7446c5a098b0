// Floating-point numbers of 8 and 16 bits, which C++20 has no types for.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

namespace accel {

// A format of one sign bit, kExponentBits and kMantissaBits, biased and with subnormals as IEEE 754
// has them. kInfinity: the largest exponent means infinity and NaN; without it there is no infinity
// and only the pattern of all ones is a NaN (the "fn" kind).
template <class Bits, int kExponentBits, int kMantissaBits, bool kInfinity = true>
struct SmallFloat {
  using Storage = Bits;
  static constexpr int kBias = (1 << (kExponentBits - 1)) - 1;
  static constexpr int kLargestExponent = (1 << kExponentBits) - 1;
  static constexpr uint64_t kMagnitude = (uint64_t{1} << (kExponentBits + kMantissaBits)) - 1;
  // Everything from this pattern on is not a number with a value.
  static constexpr uint64_t kOverflow =
      kInfinity ? uint64_t{kLargestExponent} << kMantissaBits : kMagnitude;
  static constexpr uint64_t kNan =
      kInfinity ? kOverflow | (uint64_t{1} << (kMantissaBits - 1)) : kMagnitude;

  // Exact: a double holds every value of these formats.
  static double decode(Bits stored) {
    const uint64_t magnitude = stored & kMagnitude;
    const uint64_t exponent = magnitude >> kMantissaBits;
    const uint64_t mantissa = magnitude & ((uint64_t{1} << kMantissaBits) - 1);
    const bool negative = stored > kMagnitude;
    double value;
    if (magnitude > kOverflow || (!kInfinity && magnitude == kOverflow)) {
      value = std::numeric_limits<double>::quiet_NaN();
    } else if (magnitude == kOverflow) {
      value = std::numeric_limits<double>::infinity();
    } else if (exponent == 0) {
      value = static_cast<double>(mantissa) * power_of_two(1 - kBias - kMantissaBits);
    } else {
      value = std::bit_cast<double>(((exponent + 1023 - kBias) << 52) |
                                    (mantissa << (52 - kMantissaBits)));
    }
    return negative ? -value : value;
  }

  // Rounds to nearest, ties to even. Every NaN becomes the same quiet one of its sign.
  static Bits encode(double value) {
    const uint64_t bits = std::bit_cast<uint64_t>(value);
    const uint64_t sign = (bits >> 63) << (kExponentBits + kMantissaBits);
    const uint64_t magnitude = bits & ~(uint64_t{1} << 63);
    if (magnitude > uint64_t{0x7FF} << 52) return static_cast<Bits>(sign | kNan);
    const int exponent = static_cast<int>(magnitude >> 52) - 1023 + kBias;
    if (exponent >= kLargestExponent + 1) return static_cast<Bits>(sign | kOverflow);
    // Below the smallest normal number the mantissa loses a bit for each power of two.
    const int lost = 52 - kMantissaBits + (exponent < 1 ? 1 - exponent : 0);
    if (lost > 53) return static_cast<Bits>(sign);
    const uint64_t mantissa = (magnitude & ((uint64_t{1} << 52) - 1)) | (uint64_t{1} << 52);
    uint64_t rounded = mantissa >> lost;
    const uint64_t rest = mantissa & ((uint64_t{1} << lost) - 1);
    const uint64_t half = uint64_t{1} << (lost - 1);
    if (rest > half || (rest == half && (rounded & 1) != 0)) ++rounded;
    // The leading one of a normal mantissa, or a carry, adds itself to the exponent.
    if (exponent > 1) rounded += static_cast<uint64_t>(exponent - 1) << kMantissaBits;
    return static_cast<Bits>(sign | (rounded < kOverflow ? rounded : kOverflow));
  }

 private:
  static constexpr double power_of_two(int exponent) {
    return std::bit_cast<double>(static_cast<uint64_t>(exponent + 1023) << 52);
  }
};

using F16 = SmallFloat<uint16_t, 5, 10>;
using BF16 = SmallFloat<uint16_t, 8, 7>;
using F8E5M2 = SmallFloat<uint8_t, 5, 2>;
using F8E4M3 = SmallFloat<uint8_t, 4, 3, false>;

}  // namespace accel
