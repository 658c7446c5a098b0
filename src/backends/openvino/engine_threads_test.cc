#include "backends/openvino/engine_threads.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <thread>

namespace accel::backend {
namespace {

// Stands for whatever the caller does next: writes to the stack that the loop has just left.
[[gnu::noinline]] int use_the_stack(int with) {
  std::array<volatile int, 1024> cells;
  for (volatile int& cell : cells) {
    cell = with;
  }
  return cells[static_cast<std::size_t>(with) % cells.size()];
}

TEST(EngineThreads, DoEachTaskOnce) {
  std::array<std::atomic<int>, 64> seen{};
  engine_threads().run(64, [&](int i) { ++seen[static_cast<std::size_t>(i)]; });
  for (const std::atomic<int>& times : seen) {
    EXPECT_EQ(times, 1);
  }
}

// Under ThreadSanitizer: what tasks wrote is the caller's afterwards, and so is the stack below it.
TEST(EngineThreads, LeaveEverythingToTheirCaller) {
  const kernels::Threads threads = engine_threads();
  std::array<int, 4> written{};
  for (int round = 0; round < 2000; ++round) {
    threads.run(4, [&](int i) {
      std::this_thread::sleep_for(std::chrono::microseconds(i * 10));  // another thread is last
      written[static_cast<std::size_t>(i)] = round;
    });
    EXPECT_EQ(use_the_stack(round), round);
    EXPECT_EQ(written, (std::array{round, round, round, round}));
  }
}

}  // namespace
}  // namespace accel::backend
