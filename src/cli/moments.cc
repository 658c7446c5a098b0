#include "cli/moments.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>

namespace accel::cli {

std::string age_text(int64_t seconds) {
  constexpr int64_t kHour = 3600;
  if (seconds < 60) return "now";
  if (seconds < kHour) return fmt::format("{} min ago", seconds / 60);
  if (seconds < 48 * kHour) return fmt::format("{} h ago", seconds / kHour);
  return fmt::format("{} days ago", seconds / (24 * kHour));
}

int64_t now_s() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

std::string time_text(int64_t seconds) {
  // Years that a calendar can show; what a file claims may be anything.
  constexpr int64_t kYear10000 = 253402300800;
  if (seconds < 0 || seconds >= kYear10000) return fmt::format("{} s", seconds);
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

}  // namespace accel::cli
