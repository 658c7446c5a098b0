// The floating-point formats of 8 and 16 bits, as doubles and back.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

namespace accel::server {

// A format of one sign bit, kExponentBits and kMantissaBits, biased and with subnormals as IEEE 754
// has them, whose largest finite pattern is kLargest; what lies above is no number.
template <class Bits, int kExponentBits, int kMantissaBits, Bits kLargest>
struct NarrowFloat {
  using Storage = Bits;
  static constexpr int kExponentMin = 2 - (1 << (kExponentBits - 1));  // of normal numbers
  static constexpr Bits kSign = static_cast<Bits>(1 << (kExponentBits + kMantissaBits));

  // Exact; NaN for what is no number.
  static double decode(Bits stored) {
    const int magnitude = stored & (kSign - 1);
    if (magnitude > kLargest) return std::numeric_limits<double>::quiet_NaN();
    const int exponent = magnitude >> kMantissaBits;
    const int mantissa = magnitude & ((1 << kMantissaBits) - 1);
    const int scaled = exponent == 0 ? mantissa : mantissa | 1 << kMantissaBits;
    const double value =
        std::ldexp(scaled, std::max(exponent, 1) - 1 + kExponentMin - kMantissaBits);
    return (stored & kSign) != 0 ? -value : value;
  }

  // Rounded to nearest, ties to even; nothing beyond the largest finite number.
  static std::optional<Bits> encode(double value) {
    const double magnitude = std::fabs(value);
    const int exponent =
        magnitude == 0 ? kExponentMin : std::max(std::ilogb(magnitude), kExponentMin);
    const double scaled = std::nearbyint(std::ldexp(magnitude, kMantissaBits - exponent));
    // The leading one of a normal mantissa, or a carry, adds itself to the exponent.
    const int64_t bits =
        (int64_t{exponent - kExponentMin} << kMantissaBits) + static_cast<int64_t>(scaled);
    if (bits > kLargest) return std::nullopt;
    return static_cast<Bits>(bits | (std::signbit(value) ? kSign : 0));
  }
};

using JsonF16 = NarrowFloat<uint16_t, 5, 10, 0x7BFF>;
using JsonBF16 = NarrowFloat<uint16_t, 8, 7, 0x7F7F>;
using JsonF8E5M2 = NarrowFloat<uint8_t, 5, 2, 0x7B>;
using JsonF8E4M3 = NarrowFloat<uint8_t, 4, 3, 0x7E>;

}  // namespace accel::server
