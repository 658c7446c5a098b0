// HttpCounts, as they are counted: safe from any thread.
#pragma once

#include <atomic>
#include <cstdint>

namespace accel::http {

struct Counters {
  std::atomic<uint64_t> connections{0}, connections_idle{0}, accepted{0}, refused{0}, requests{0},
      malformed{0}, timeouts{0}, abandoned{0}, bytes_in{0}, bytes_out{0};
};

}  // namespace accel::http
