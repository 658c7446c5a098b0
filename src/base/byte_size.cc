#include "base/byte_size.h"

#include <fmt/format.h>

#include <charconv>

namespace accel {

Result<uint64_t> parse_size(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  if (unit.size() == 3 && unit.ends_with("iB")) unit.remove_suffix(2);
  constexpr std::string_view kUnits = "KMGT";
  const size_t place = unit.size() == 1 ? kUnits.find(unit[0]) : std::string_view::npos;
  const size_t shift = unit.empty() ? 0 : 10 * (place + 1);
  const bool fine = error == std::errc() && (unit.empty() || place != std::string_view::npos) &&
                    number <= uint64_t{1} << 62 >> shift;
  if (fine) return number << shift;
  return invalid_argument(fmt::format(
      "'{}' is no size; expected a whole number of bytes, or one with K, M, G or T: 500M, 20G",
      text));
}

}  // namespace accel
