// Numbers as small integers with a scale: what weight compression does to one group of a weight.
//
//   number ~ scale * (integer - zero)
//
// Asymmetric: integers from 0 to 2^bits - 1, and a zero point that makes 0 exact; the group's
// range, widened to hold 0, is covered from end to end. Symmetric: no zero point; 8 bits from -127
// to 127, 4 bits from -8 to 7 with the sign of the scale such that the number of the largest size
// becomes -8 (https://github.com/openvinotoolkit/nncf, weight compression; read at 3.1).
//
// The integers are chosen for the scale as it is stored, after its own rounding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace accel::precision {

struct IntegerScheme {
  int bits = 8;  // 8 or 4
  bool symmetric = false;
  bool half_scales = false;  // scales are stored in f16
};

struct IntegerGroup {
  float scale = 1;
  int zero = 0;         // of an asymmetric scheme
  bool finite = true;   // false: the group has a NaN or an infinity; the integers say nothing
  bool precise = true;  // false: the scale is too small or large for f16
};

// The integers of `numbers`, one byte each: unsigned, or signed for a symmetric scheme. An error of
// a number is at most scale / 2, of a symmetric scheme of 4 bits at most |scale|, plus what f16
// takes from a scale. `integers` has the size of `numbers`.
IntegerGroup quantize(std::span<const float> numbers, const IntegerScheme& scheme,
                      std::span<uint8_t> integers);

// The numbers that the integers stand for.
void dequantize(std::span<const uint8_t> integers, const IntegerScheme& scheme,
                const IntegerGroup& group, std::span<float> numbers);

// Pairs of 4 bits in a byte, the first in the lower half: in place, into the first half of `bytes`,
// whose size is even.
void pack_nibbles(std::span<uint8_t> bytes);

// To f16 and bf16, nearest, ties to even. False when a finite number became infinite.
bool to_f16(std::span<const float> numbers, std::span<uint16_t> halves);
bool to_bf16(std::span<const float> numbers, std::span<uint16_t> halves);
float f16_value(uint16_t bits);

}  // namespace accel::precision
