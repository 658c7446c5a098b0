// The text of one JSON number, as a value.
#pragma once

#include <charconv>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace accel::server {

// Whether `text` is exactly a number of RFC 8259, section 6.
bool is_json_number(std::string_view text);

// Whether a number that no floating-point type holds is too small for it, rather than too large.
bool rounds_to_zero(std::string_view number);

// `number`, which is_json_number, as a T: false for what an integer T does not hold, and for what
// lies beyond the largest number of a floating one. 1.0 and 1e2 are no integers; -0 is one.
template <class T>
bool convert_number(std::string_view number, T& value) {
  if constexpr (std::is_unsigned_v<T>) {
    if (number == "-0") number.remove_prefix(1);
  }
  const char* const end = number.data() + number.size();
  const auto [stop, error] = std::from_chars(number.data(), end, value);
  if constexpr (std::is_floating_point_v<T>) {
    if (error == std::errc::result_out_of_range && rounds_to_zero(number)) {
      value = number.front() == '-' ? T{-0.0} : T{0};
      return true;
    }
  }
  return error == std::errc{} && stop == end;
}

}  // namespace accel::server
