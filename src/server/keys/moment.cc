#include "server/keys/moment.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>

namespace accel::server {
namespace {

constexpr std::string_view kMomentForm = "dddd-dd-ddTdd:dd:ddZ";
constexpr size_t kDayLength = 10;

// Whether `text` has a digit wherever `form` has "d", and else the same characters.
bool has_form(std::string_view text, std::string_view form) {
  if (text.size() != form.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool fits = form[i] == 'd' ? text[i] >= '0' && text[i] <= '9' : text[i] == form[i];
    if (!fits) return false;
  }
  return true;
}

int number_at(std::string_view text, size_t offset, size_t size) {
  int value = 0;
  for (const char digit : text.substr(offset, size)) value = value * 10 + (digit - '0');
  return value;
}

}  // namespace

std::optional<int64_t> parse_moment(std::string_view text) {
  const bool day_only = has_form(text, kMomentForm.substr(0, kDayLength));
  if (!day_only && !has_form(text, kMomentForm)) return std::nullopt;
  const std::chrono::year_month_day date{
      std::chrono::year(number_at(text, 0, 4)),
      std::chrono::month(static_cast<unsigned>(number_at(text, 5, 2))),
      std::chrono::day(static_cast<unsigned>(number_at(text, 8, 2)))};
  if (!date.ok() || date.year() < std::chrono::year(1970)) return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  if (day_only) return days * 86400;
  const int64_t hour = number_at(text, 11, 2);
  const int64_t minute = number_at(text, 14, 2);
  const int64_t second = number_at(text, 17, 2);
  if (hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return days * 86400 + hour * 3600 + minute * 60 + second;
}

std::string moment_text(int64_t seconds) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

}  // namespace accel::server
