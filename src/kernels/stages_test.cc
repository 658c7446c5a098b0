#include "kernels/stages.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

namespace accel::kernels {
namespace {

void run_on_threads(int tasks, const std::function<void(int)>& task) {
  std::vector<std::thread> threads;
  for (int i = 0; i < tasks; ++i) threads.emplace_back(task, i);
  for (std::thread& thread : threads) thread.join();
}

// The second begins when the first has finished, as on a busy machine.
void run_in_turn(int tasks, const std::function<void(int)>& task) {
  for (int i = 0; i < tasks; ++i) task(i);
}

// Each stage adds up what the one before has written: a task that began too early would be seen.
void expect_in_order(const Threads& threads) {
  constexpr int kStages = 200;
  std::vector<std::vector<int>> written;
  for (int s = 0; s <= kStages; ++s) written.emplace_back(static_cast<size_t>(1 + s % 7), 0);
  written[0] = {1};
  std::vector<Stage> stages;
  for (size_t s = 1; s <= kStages; ++s) {
    stages.push_back({static_cast<int>(written[s].size()), [&written, s](int task) {
                        const std::vector<int>& before = written[s - 1];
                        const int sum = std::accumulate(before.begin(), before.end(), 0);
                        written[s][static_cast<size_t>(task)] +=
                            sum / static_cast<int>(before.size());
                      }});
  }
  run_stages(stages, threads);
  for (const std::vector<int>& values : written) {
    for (const int value : values) EXPECT_EQ(value, 1) << "run not once, or too early";
  }
}

TEST(Stages, RunInOrderOnOneThread) { expect_in_order({}); }

TEST(Stages, RunInOrderOnSeveralThreads) { expect_in_order({.count = 3, .run = run_on_threads}); }

TEST(Stages, WaitForNoThreadThatDoesNotCome) {
  expect_in_order({.count = 4, .run = run_in_turn});
  expect_in_order({.count = 4, .run = [](int, const std::function<void(int)>& task) { task(3); }});
}

TEST(Stages, SkipAStageWithoutTasks) {
  std::atomic<int> ran = 0;
  const std::vector<Stage> stages{{0, [&](int) { ran = 100; }}, {2, [&](int) { ++ran; }}};
  run_stages(stages, {.count = 2, .run = run_on_threads});
  EXPECT_EQ(ran, 2);
}

}  // namespace
}  // namespace accel::kernels
