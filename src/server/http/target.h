// What stands in a request line. Pure, and safe on hostile text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accel/status.h"

namespace accel::http {

struct Target {
  std::string path;   // percent-decoded
  std::string query;  // as sent
};

// Of "/a%20b?c=d" or "http://host/a%20b?c=d". INVALID_ARGUMENT with the offset: no "/" at the
// beginning, a broken escape, an escaped or plain zero byte or control character, "." or ".." as a
// segment, escaped or not.
Result<Target> parse_target(std::string_view text);

// Whether a text has only RFC 3986's characters of a host and port; none is fine.
bool is_host(std::string_view text);

// "a=1&b=x%20y+z", decoded, in order. A part without "=" has an empty value. INVALID_ARGUMENT for
// broken escapes.
Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query);

}  // namespace accel::http
