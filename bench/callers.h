// Callers of a model that each wait for their answer before they ask again, and what they waited.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>
#include <vector>

#include "accel/status.h"
#include "base/stopwatch.h"
#include "base/try.h"

namespace accel::bench {

// One caller: asks, and keeps what it took.
class Caller {
 public:
  template <class Ask>
  Status time(const Ask& ask) {
    const auto start = Clock::now();
    ACCEL_TRY(ask());
    seconds_.push_back(seconds_since(start));
    return {};
  }
  const std::vector<double>& seconds() const { return seconds_; }

 private:
  std::vector<double> seconds_;
};

// Runs `ask_on` on `count` threads at once: {"asked", "per_sec", "p50_ms", "p95_ms"} of all.
inline Result<nlohmann::json> on_callers(int count, const std::function<Status(Caller&)>& ask_on) {
  std::mutex mutex;
  std::vector<double> seconds;
  Status failure;
  const auto begin = Clock::now();
  const auto one = [&] {
    Caller caller;
    const Status status = ask_on(caller);
    const std::lock_guard lock(mutex);
    seconds.insert(seconds.end(), caller.seconds().begin(), caller.seconds().end());
    if (failure.ok()) failure = status;
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back(one);
  for (std::thread& thread : threads) thread.join();
  const double wall = seconds_since(begin);
  ACCEL_TRY(failure);
  if (seconds.empty()) return failed_precondition("expected callers that ask, found none");
  std::ranges::sort(seconds);
  const auto at = [&](double part) {
    return 1000 * seconds[static_cast<size_t>(part * static_cast<double>(seconds.size() - 1))];
  };
  return nlohmann::json{{"asked", seconds.size()},
                        {"per_sec", static_cast<double>(seconds.size()) / wall},
                        {"p50_ms", at(0.5)},
                        {"p95_ms", at(0.95)}};
}

}  // namespace accel::bench
