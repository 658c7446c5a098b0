#include "measure/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include "base/try.h"
#include "measure/figures.h"

namespace accel::measure {
namespace {

using namespace std::chrono_literals;

std::vector<TaskInput> items(int count) {
  std::vector<TaskInput> made;
  for (int i = 0; i < count; ++i) made.push_back({.text = std::to_string(i)});
  return made;
}

// A model that takes `each` per call and says that half of it was computing.
Call slow_model(std::chrono::duration<double> each) {
  return [each](std::span<const TaskInput> asked) -> Result<Reply> {
    std::this_thread::sleep_for(each);
    return Reply{
        .prepare = each.count() / 4, .infer = each.count() / 2, .tokens = 10 * asked.size()};
  };
}

Recording recorded(const Plan& plan, int count, const Call& call) {
  const auto made = items(count);
  const Result<Recording> recording = run_scenario(plan, made, call);
  EXPECT_TRUE(recording.ok()) << recording.status().to_string();
  return recording.ok() ? *recording : Recording();
}

// row 130
TEST(Runner, SplitsEachLatencyIntoPartsThatAddUp) {
  const Recording recording =
      recorded({.scenario = Scenario::kSingleStream, .queries = 6}, 3, slow_model(4ms));
  ASSERT_EQ(recording.queries.size(), 6);
  for (const Query& query : recording.queries) {
    EXPECT_NEAR(query.phases.sum(), query.latency(), 1e-9);
    EXPECT_NEAR(query.phases.prepare, 1e-3, 1e-9);
    EXPECT_NEAR(query.phases.infer, 2e-3, 1e-9);
    EXPECT_GE(query.latency(), 4e-3);
  }
  EXPECT_EQ(recording.items, 6);
  EXPECT_EQ(recording.tokens, 60);
  EXPECT_GE(recording.memory.size(), 2);
  EXPECT_GT(recording.memory.back().bytes, 0);
}

TEST(Runner, ScalesPartsOfThreadsThatWorkedAtTheSameTime) {
  const Call busy = [](std::span<const TaskInput>) -> Result<Reply> {
    std::this_thread::sleep_for(1ms);
    return Reply{.prepare = 10, .infer = 30};
  };
  for (const Query& query : recorded({.queries = 2}, 1, busy).queries) {
    EXPECT_NEAR(query.phases.sum(), query.latency(), 1e-9);
    EXPECT_NEAR(query.phases.infer / query.phases.prepare, 3, 1e-6);
  }
}

TEST(Runner, WarmsUpOnEveryItemAndDoesNotCountIt) {
  std::atomic<int> calls = 0;
  std::atomic<bool> cold = true;
  const Call call = [&](std::span<const TaskInput>) -> Result<Reply> {
    ++calls;
    if (cold.exchange(false)) std::this_thread::sleep_for(100ms);
    return Reply{};
  };
  const Recording recording = recorded({.queries = 4}, 5, call);
  EXPECT_EQ(recording.queries.size(), 4);
  EXPECT_EQ(recording.warmup_queries, 6);
  EXPECT_EQ(calls, 10);
  EXPECT_GE(recording.first_s, 0.1);
  EXPECT_LT(figures_of(recording).latency_ms.max, 100);
}

TEST(Runner, AsksForSeveralAtOnceAndForAllAtOnce) {
  std::multiset<size_t> sizes;
  const Call call = [&](std::span<const TaskInput> asked) -> Result<Reply> {
    sizes.insert(asked.size());
    return Reply{};
  };
  recorded({.scenario = Scenario::kMultiStream, .queries = 3, .together = 4}, 6, call);
  EXPECT_EQ(sizes.count(4), sizes.size());
  sizes.clear();
  const Recording all = recorded({.scenario = Scenario::kOffline, .queries = 2}, 6, call);
  EXPECT_EQ(sizes.count(6), sizes.size());
  EXPECT_EQ(all.items, 12);
}

// row 131
TEST(Runner, CountsItemsByWallTimeWithSeveralClients) {
  std::atomic<int> now = 0;
  std::atomic<int> most = 0;
  const Call call = [&](std::span<const TaskInput>) -> Result<Reply> {
    const int running = ++now;
    int seen = most;
    while (seen < running && !most.compare_exchange_weak(seen, running)) {
    }
    std::this_thread::sleep_for(5ms);
    --now;
    return Reply{};
  };
  const Recording recording =
      recorded({.scenario = Scenario::kClients, .queries = 40, .clients = 4}, 1, call);
  EXPECT_EQ(recording.items, 40);
  EXPECT_EQ(most, 4);
  EXPECT_GE(recording.wall_s, 0.05) << "ten rounds of 5 ms";
  EXPECT_NEAR(figures_of(recording).items_per_s, 40 / recording.wall_s, 1e-6);
}

TEST(Runner, CountsFromTheArrivalWhenTheModelStalls) {
  // The first measured query stalls, while one thread after the other meets the same lock.
  std::mutex mutex;
  std::atomic<int> calls = 0;
  const Call call = [&](std::span<const TaskInput>) -> Result<Reply> {
    const std::lock_guard lock(mutex);
    std::this_thread::sleep_for(++calls == 66 ? 200ms : 0ms);
    return Reply{};
  };
  const Recording recording =
      recorded({.scenario = Scenario::kServer, .queries = 100, .per_second = 500}, 1, call);
  ASSERT_EQ(recording.queries.size(), 100);
  const auto late = std::ranges::count_if(recording.queries,
                                          [](const Query& one) { return one.latency() > 0.05; });
  EXPECT_GT(late, 20) << "those that arrived meanwhile waited, too";
  for (const Query& query : recording.queries) EXPECT_LE(query.due, query.began);
}

TEST(Runner, EndsWithTheFirstFailure) {
  std::atomic<int> calls = 0;
  const Call call = [&](std::span<const TaskInput>) -> Result<Reply> {
    if (++calls == 5) return out_of_range("too long");
    return Reply{};
  };
  const auto made = items(1);
  const auto recording = run_scenario({.queries = 100}, made, call);
  EXPECT_EQ(recording.status().code(), StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace accel::measure
