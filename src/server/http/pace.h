// How fast a client must be. Pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "server/http/http_server.h"

namespace accel::http {

constexpr double kNever = 1e9;  // in seconds

inline std::chrono::steady_clock::duration duration_of(double seconds) {
  return std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double>(std::min(seconds, kNever)));
}

// How long the client may still keep a transfer waiting, by its average so far.
struct Pace {
  explicit Pace(const HttpServerOptions& options)
      : grace(options.grace_seconds), rate(static_cast<double>(options.bytes_per_second_min)) {}

  double grace;
  double rate;  // 0: it need not move on
  uint64_t bytes = 0;
  double waited = 0;

  double seconds_left() const {
    if (rate <= 0) return kNever;
    return std::max(0.0, grace + static_cast<double>(bytes) / rate - waited);
  }
};

}  // namespace accel::http
