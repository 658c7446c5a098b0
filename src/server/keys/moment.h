// Moments in UTC as files have them (RFC 3339). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace accel::server {

// Seconds since 1970 of "2027-01-31T12:00:00Z", or of "2027-01-31", when that day begins. Nothing
// for what is neither, for days that no calendar has and for years before 1970.
std::optional<int64_t> parse_moment(std::string_view text);

// "2027-01-31T12:00:00Z", of what parse_moment() gives.
std::string moment_text(int64_t seconds);

}  // namespace accel::server
