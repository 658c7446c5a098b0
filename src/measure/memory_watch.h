// Reads this process's resident memory again and again while something is measured.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "base/stopwatch.h"
#include "measure/runner.h"

namespace accel::measure {

// One owner. The reading thread lives from construction to stop().
class MemoryWatch {
 public:
  // Moments of the readings count from `began`.
  explicit MemoryWatch(Clock::time_point began,
                       std::chrono::milliseconds interval = std::chrono::milliseconds(20));
  ~MemoryWatch();
  MemoryWatch(const MemoryWatch&) = delete;
  MemoryWatch& operator=(const MemoryWatch&) = delete;

  // Ends with a last reading; empty the second time.
  std::vector<MemoryReading> stop();

 private:
  void watch();
  void read();

  const Clock::time_point began_;
  const std::chrono::milliseconds interval_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;                 // guarded by mutex_
  std::vector<MemoryReading> readings_;  // of the thread until it is joined
  std::thread thread_;
};

}  // namespace accel::measure
