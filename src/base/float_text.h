// Floating-point numbers as text that JSON and CSV readers get the same value from.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

namespace accel {

inline constexpr size_t kFloatTextBytesMax = 24;  // of a double; a float takes 15

// Writes the shortest text that reads back as `number`, which is finite, and returns its end.
// Negative zero is "-0.0": many readers of JSON, Python's among them, take "-0" for the integer 0
// and lose the sign.
template <class Float>
char* put_float(char* to, Float number) {
  if (number == 0 && std::signbit(number)) {
    return std::ranges::copy(std::string_view("-0.0"), to).out;
  }
  return std::to_chars(to, to + kFloatTextBytesMax, number).ptr;
}

}  // namespace accel
