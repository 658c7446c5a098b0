// Moments, for people and for programs.
#pragma once

#include <cstdint>
#include <string>

namespace accel::cli {

// Seconds since 1970, now.
int64_t now_s();

// "now", "5 min ago", "3 h ago", "12 days ago".
std::string age_text(int64_t seconds);

// Seconds since 1970 as "2026-01-31T12:00:00Z"; "N s" for years that no calendar shows.
std::string time_text(int64_t seconds);

}  // namespace accel::cli
