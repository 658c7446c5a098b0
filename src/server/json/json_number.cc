#include "server/json/json_number.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace accel::server {
namespace {

// How many digits `text` begins with.
size_t count_digits(std::string_view text) {
  size_t count = 0;
  while (count < text.size() && text[count] >= '0' && text[count] <= '9') ++count;
  return count;
}

bool take_one_of(std::string_view& text, std::string_view characters) {
  if (text.empty() || characters.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// One digit or more.
bool take_digits(std::string_view& text) {
  const size_t digits = count_digits(text);
  text.remove_prefix(digits);
  return digits > 0;
}

}  // namespace

bool is_json_number(std::string_view text) {
  take_one_of(text, "-");
  const bool zero = text.starts_with('0');
  const size_t digits = count_digits(text);
  if (digits == 0 || (zero && digits > 1)) return false;
  text.remove_prefix(digits);
  if (take_one_of(text, ".") && !take_digits(text)) return false;
  if (take_one_of(text, "eE")) {
    take_one_of(text, "+-");
    if (!take_digits(text)) return false;
  }
  return text.empty();
}

bool rounds_to_zero(std::string_view number) {
  const size_t exponent_at = std::min(number.find_first_of("eE"), number.size());
  const std::string_view digits = number.substr(0, exponent_at);
  std::string_view written = number.substr(exponent_at);
  int64_t exponent = 0;
  if (take_one_of(written, "eE")) {
    take_one_of(written, "+");
    const auto [stop, error] =
        std::from_chars(written.data(), written.data() + written.size(), exponent);
    constexpr int64_t kHuge = int64_t{1} << 62;
    if (error != std::errc{}) exponent = written.starts_with('-') ? -kHuge : kHuge;
    exponent = std::clamp(exponent, -kHuge, kHuge);
  }
  // How far the first digit that counts stands before the point, or behind it.
  const auto point = static_cast<int64_t>(std::min(digits.find('.'), digits.size()));
  const auto first =
      static_cast<int64_t>(std::min(digits.find_first_of("123456789"), digits.size()));
  return point - first + exponent < 0;
}

}  // namespace accel::server
