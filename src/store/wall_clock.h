// The time of day, as files carry it.
#pragma once

#include <chrono>
#include <cstdint>

namespace accel::store {

inline constexpr int64_t kSecondNs = 1'000'000'000;

inline int64_t system_now_ns() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

}  // namespace accel::store
