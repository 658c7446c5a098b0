#include "runtime/session_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>

#include "runtime/echo_model.h"

namespace accel::runtime {
namespace {

using std::chrono::milliseconds;

NamedTensors one_row(int64_t id) {
  return {{"input_ids", Tensor::from<int64_t>({1, 1}, std::vector<int64_t>{id})},
          {"attention_mask", Tensor::from<int64_t>({1, 1}, std::vector<int64_t>{1})}};
}

TEST(SessionPool, LendsEachSessionToOneThreadAtATime) {
  constexpr int kThreads = 8;
  constexpr int kRounds = 200;
  constexpr int kSessions = 3;
  const auto model = std::make_shared<EchoModel>();
  SessionPool pool(model, kSessions);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kRounds; ++i) {
        auto lease = pool.acquire();
        NamedTensors outputs;
        const int64_t id = t * kRounds + i;
        const bool good = lease.ok() && (*lease)->run(one_row(id), outputs).ok() &&
                          outputs[0].tensor.data<float>()[1] == static_cast<float>(id);
        if (!good) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(model->runs(), kThreads * kRounds);
  EXPECT_LE(model->sessions(), kSessions);
  EXPECT_LE(model->most_at_once(), kSessions);
}

TEST(SessionPool, MakesSessionsOnlyWhenNeeded) {
  const auto model = std::make_shared<EchoModel>();
  SessionPool pool(model, 4);
  EXPECT_EQ(pool.size(), 4);
  EXPECT_EQ(model->sessions(), 0);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(pool.acquire().ok());
  EXPECT_EQ(model->sessions(), 1);
  {
    auto first = pool.acquire();
    auto second = pool.acquire();
    EXPECT_NE(&**first, &**second);
  }
  EXPECT_EQ(model->sessions(), 2);
}

TEST(SessionPool, AcquireWaitsForAFreeSession) {
  SessionPool pool(std::make_shared<EchoModel>(), 1);
  std::optional<SessionPool::Lease> lease(std::move(*pool.acquire()));
  const backend::Session* only = &**lease;
  std::atomic<bool> got = false;
  std::thread waiting([&] {
    auto second = pool.acquire();
    got = true;
    EXPECT_EQ(&**second, only);
  });
  std::this_thread::sleep_for(milliseconds(30));
  EXPECT_FALSE(got);
  lease.reset();
  waiting.join();
  EXPECT_TRUE(got);
}

TEST(SessionPool, ASessionThatCannotBeMadeLeavesThePlaceFree) {
  const auto model = std::make_shared<EchoModel>(EchoOptions{.session_failures = 2});
  SessionPool pool(model, 1);
  EXPECT_EQ(pool.acquire().status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(pool.acquire().status().code(), StatusCode::kUnavailable);
  EXPECT_TRUE(pool.acquire().ok());
}

TEST(SessionPool, ManyThreadsGetOverFailures) {
  const auto model = std::make_shared<EchoModel>(EchoOptions{.session_failures = 5});
  SessionPool pool(model, 2);
  std::atomic<int> refused = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        auto lease = pool.acquire();
        if (!lease.ok()) ++refused;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(refused, 5);
  EXPECT_LE(model->sessions(), 2);
}

TEST(SessionPool, AMovedLeaseIsGivenBackOnce) {
  const auto model = std::make_shared<EchoModel>();
  SessionPool pool(model, 1);
  {
    Result<SessionPool::Lease> first = pool.acquire();
    const SessionPool::Lease second = std::move(*first);
  }
  EXPECT_TRUE(pool.acquire().ok());
  EXPECT_EQ(model->sessions(), 1);
}

// row 28 (partial: the weights; no machine with two kinds of device)
TEST(SessionPool, MembersWithoutWeightsTellHowFastTheyWere) {
  const auto model_of = [](int delay) {
    return std::make_shared<EchoModel>(EchoOptions{.delay = milliseconds(delay)});
  };
  SessionPool pool({{.model = model_of(1)}, {.model = model_of(200)}});
  const std::vector<int64_t> one{1};
  const NamedTensors inputs{{"input_ids", Tensor::from<int64_t>({1, 1}, one)},
                            {"attention_mask", Tensor::from<int64_t>({1, 1}, one)}};
  for (const MemberMask only : {MemberMask{1}, MemberMask{2}}) {
    for (const MemberStatistics& member : pool.statistics()) EXPECT_EQ(member.weight, 0);
    Result<SessionPool::Lease> lease = pool.acquire({.only = only});
    NamedTensors outputs;
    ASSERT_TRUE((*lease)->run(inputs, outputs).ok());
  }
  const std::vector<MemberStatistics> found = pool.statistics();
  EXPECT_GT(found[0].weight, 2);
  EXPECT_EQ(found[1].weight, 1);
}

// One session serves both lanes in turn, and is told each time.
TEST(SessionPool, RunsOfInteractiveCallersAreUrgentAndOthersAreNot) {
  const auto model = std::make_shared<EchoModel>();
  SessionPool pool(model, 1);
  const std::vector<int64_t> one{1};
  const NamedTensors inputs{{"input_ids", Tensor::from<int64_t>({1, 1}, one)},
                            {"attention_mask", Tensor::from<int64_t>({1, 1}, one)}};
  const auto run_in = [&](Lane lane) {
    Result<SessionPool::Lease> lease = pool.acquire({.lane = lane});
    NamedTensors outputs;
    return lease.ok() && (*lease)->run(inputs, outputs).ok();
  };
  EXPECT_TRUE(run_in(Lane::kInteractive));
  EXPECT_EQ(model->urgent_runs(), 1);
  EXPECT_TRUE(run_in(Lane::kBulk));
  EXPECT_EQ(model->urgent_runs(), 1);
}

std::vector<PoolMember> two_members() {
  return {{.model = std::make_shared<EchoModel>(), .device = "A"},
          {.model = std::make_shared<EchoModel>(), .device = "B"}};
}

// Where a session was lent, which is given back without having measured the member: no place is
// then better than another.
std::string lent_on(SessionPool& pool, MemberMask only) {
  Result<SessionPool::Lease> lease = pool.acquire({.only = only});
  if (!lease.ok()) return lease.status().message();
  lease->used_for(0, 0);
  return lease->device();
}

TEST(SessionPool, WorkForSomeMembersRunsOnThese) {
  SessionPool pool(two_members());
  EXPECT_EQ(pool.size_of(0b01), 1);
  EXPECT_EQ(pool.size_of(kEveryMember), 2);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(lent_on(pool, 0b10), "B");
    EXPECT_EQ(lent_on(pool, 0b01), "A");
  }
  const auto lease = pool.acquire({.only = 0b10});
  EXPECT_FALSE(pool.try_acquire({.only = 0b10}).has_value());
  EXPECT_EQ(lent_on(pool, kEveryMember), "A");
}

TEST(SessionPool, WhoWaitsForOneMemberKeepsNobodyFromAnother) {
  SessionPool pool(two_members());
  std::optional<SessionPool::Lease> held(std::move(*pool.acquire({.only = 0b01})));
  std::thread waits([&] { EXPECT_EQ(lent_on(pool, 0b01), "A"); });
  while (pool.waiting(Lane::kInteractive) == 0) std::this_thread::yield();
  EXPECT_EQ(lent_on(pool, 0b10), "B");
  EXPECT_EQ(lent_on(pool, kEveryMember), "B");
  held.reset();
  waits.join();
}

TEST(SessionPool, HasRoomForOneAtLeast) {
  SessionPool pool(std::make_shared<EchoModel>(), 0);
  EXPECT_EQ(pool.size(), 1);
  EXPECT_TRUE(pool.acquire().ok());
}

}  // namespace
}  // namespace accel::runtime
