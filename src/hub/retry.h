// When to ask a server again, and what to say when not. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "accel/status.h"
#include "hub/http.h"

namespace accel::hub {

// Counts the tries of one download. A try that brought bytes begins the count again, but not for
// ever.
class Retry {
 public:
  // How long to wait before the next try: half a second, doubling to 16 s, or what Retry-After
  // says; nothing when there is none: after 5 in a row that brought nothing, 50 altogether, or when
  // the server asks for more than 5 minutes. `now` is the clock's, for a Retry-After that is a
  // date.
  std::optional<std::chrono::milliseconds> next(
      const HttpOutcome& outcome, bool progressed,
      std::chrono::system_clock::time_point now = std::chrono::system_clock::now());

  int tries() const { return tries_; }

 private:
  int tries_ = 0;
  int in_a_row_ = 0;
};

// Of "120" or "Fri, 31 Dec 1999 23:59:59 GMT" (RFC 9110, 10.2.3); nothing for what is neither.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view text,
                                                      std::chrono::system_clock::time_point now);

// Who was asked for what, for the errors.
struct Asked {
  std::string endpoint;
  std::string model;  // "org/name@revision"
  std::string file;   // empty: the listing
  bool with_token = false;
};

// The error of an answer that is no success: what it means, and what to do. The server's own words
// are cut, and no token is in any of it.
Status error_of(const HttpOutcome& outcome, const Asked& asked);

}  // namespace accel::hub
