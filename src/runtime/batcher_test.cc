#include "runtime/batcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <random>

#include "runtime/echo_model.h"

namespace accel::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

Row echo_row(const std::vector<int64_t>& ids) {
  const auto length = static_cast<int64_t>(ids.size());
  return {
      {{"input_ids", Tensor::from<int64_t>({length}, ids)},
       {"attention_mask", Tensor::from<int64_t>({length}, std::vector<int64_t>(ids.size(), 1))}}};
}

// As many ids as `length`, told apart by `number`.
std::vector<int64_t> ids_of(int64_t number, int64_t length) {
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < length; ++i) ids.push_back((number * 31 + i * 7) % 5000);
  return ids;
}

testing::AssertionResult answers(const Result<RowsAnswer>& answer,
                                 const std::vector<int64_t>& ids) {
  if (!answer.ok()) return testing::AssertionFailure() << answer.status().message();
  const auto found = answer->outputs.at(0).at(0).tensor.data<float>();
  if (std::ranges::equal(found, echo_of(ids))) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "somebody else's answer";
}

struct Echo {
  explicit Echo(EchoOptions options = {}, int sessions = 2)
      : model(std::make_shared<EchoModel>(std::move(options))),
        pool(std::make_shared<SessionPool>(model, sessions)) {}
  std::shared_ptr<Batcher> batcher(BatcherOptions options = {}) {
    return Batcher::create(pool, std::move(options));
  }
  std::shared_ptr<EchoModel> model;
  std::shared_ptr<SessionPool> pool;
};

void expect_all_ended(const Batcher& batcher) {
  const BatcherStatistics counts = batcher.statistics();
  EXPECT_EQ(counts.submitted,
            counts.answered + counts.failed + counts.cancelled + counts.late + counts.refused);
  EXPECT_EQ(counts.waiting, 0);
}

TEST(Batcher, EachGetsItsOwnAnswer) {
  Echo echo;
  const auto batcher = echo.batcher();
  std::vector<std::shared_ptr<Ticket>> tickets;
  for (int i = 0; i < 200; ++i)
    tickets.push_back(batcher->submit({{echo_row(ids_of(i, 1 + i % 40))}}));
  for (int i = 0; i < 200; ++i) EXPECT_TRUE(answers(tickets[i]->take(), ids_of(i, 1 + i % 40)));
  EXPECT_LT(echo.model->runs(), 200) << "none ran together";
  expect_all_ended(*batcher);
}

TEST(Batcher, OnlyTheRowThatRanElsewhereSaysSo) {
  const Status broken = internal_error("broken");
  const auto model =
      std::make_shared<EchoModel>(EchoOptions{.failing_first_id = 7, .failure = broken});
  // Fails with the batch, so that its rows run one by one.
  const auto other = std::make_shared<EchoModel>(EchoOptions{.failing_run = 0, .failure = broken});
  std::vector<PoolMember> members;
  members.push_back({.model = model,
                     .stand_ins = {{{"other", "CPU"}, [other] {
                                      return Result<std::shared_ptr<const backend::CompiledModel>>(
                                          other);
                                    }}}});
  const auto pool = std::make_shared<SessionPool>(std::move(members));
  const auto batcher = Batcher::create(pool, {});
  model->hold();
  const auto first = batcher->submit({{echo_row({1, 1})}});
  ASSERT_TRUE(model->wait_for_running(1));
  const auto well = batcher->submit({{echo_row({2, 3})}});
  const auto ill = batcher->submit({{echo_row({7, 3})}});
  model->release();
  EXPECT_TRUE(answers(first->take(), {1, 1}));
  const Result<RowsAnswer> here = well->take();
  const Result<RowsAnswer> elsewhere = ill->take();
  EXPECT_TRUE(answers(here, {2, 3}));
  EXPECT_TRUE(answers(elsewhere, {7, 3}));
  EXPECT_EQ(here->report.fallback, nullptr);
  EXPECT_NE(elsewhere->report.fallback, nullptr);
}

TEST(Batcher, BatchesAreSmallerWhileOthersKeepTheProcessorsBusy) {
  for (const auto& [share, most] : {std::pair{0.0, int64_t{320}}, std::pair{0.75, int64_t{80}}}) {
    Echo echo({}, 1);
    const auto batcher = echo.batcher({.foreign_load = [busy = share] { return busy; }});
    echo.model->hold();
    const auto first = batcher->submit({{echo_row({1})}});
    ASSERT_TRUE(echo.model->wait_for_running(1));  // all others wait together
    std::vector<std::shared_ptr<Ticket>> tickets;
    for (int i = 0; i < 40; ++i) tickets.push_back(batcher->submit({{echo_row(ids_of(i, 20))}}));
    echo.model->release();
    int64_t largest = 0;
    for (int i = 0; i < 40; ++i) {
      const Result<RowsAnswer> answer = tickets[i]->take();
      EXPECT_TRUE(answers(answer, ids_of(i, 20)));
      largest = std::max(largest, answer->report.batch_tokens);
    }
    EXPECT_EQ(largest, most);
  }
}

TEST(Batcher, AnIdleCallersRowRunsOnItsOwnThread) {
  Echo echo;
  const auto batcher = echo.batcher();
  const Result<RowsAnswer> answer = batcher->run({{echo_row({1, 2, 3})}});
  EXPECT_TRUE(answers(answer, {1, 2, 3}));
  EXPECT_EQ(answer->report.batch_rows, 1);
  EXPECT_EQ(answer->report.batch_tokens, 3);
  expect_all_ended(*batcher);
}

TEST(Batcher, WhatIsKnownToBeShortRunsOnItsOwnThread) {
  Echo echo;
  const auto batcher = echo.batcher();
  const auto held_back = [&](double seconds_max) {
    echo.model->hold();
    const auto ticket = batcher->submit_here({{echo_row({1, 2})}}, seconds_max);
    const bool waits = !ticket->ready();
    echo.model->release();
    return waits && answers(ticket->take(), {1, 2});
  };
  EXPECT_TRUE(held_back(1000)) << "nothing is known of its time";
  EXPECT_TRUE(held_back(0)) << "it takes longer";
  const auto ticket = batcher->submit_here({{echo_row({3})}}, 1000);
  EXPECT_TRUE(ticket->ready());
  EXPECT_TRUE(answers(ticket->take(), {3}));
  expect_all_ended(*batcher);
}

TEST(Batcher, WhatWaitsRunsTogetherAndSaysSo) {
  Echo echo({}, 1);
  const auto batcher = echo.batcher();
  echo.model->hold();
  const auto first = batcher->submit({{echo_row(ids_of(0, 8))}});
  ASSERT_TRUE(echo.model->wait_for_running(1));
  const auto second = batcher->submit({{echo_row(ids_of(1, 8))}});
  const auto third = batcher->submit({{echo_row(ids_of(2, 6))}});
  echo.model->release();
  EXPECT_TRUE(answers(first->take(), ids_of(0, 8)));
  const Result<RowsAnswer> answer = second->take();
  EXPECT_TRUE(answers(answer, ids_of(1, 8)));
  EXPECT_EQ(answer->report.batch_rows, 2);
  EXPECT_EQ(answer->report.batch_tokens, 16);
  EXPECT_EQ(answer->report.padded_tokens, 0);
  EXPECT_GT(answer->report.queue_seconds, 0);
  const Result<RowsAnswer> padded = third->take();
  EXPECT_TRUE(answers(padded, ids_of(2, 6)));
  EXPECT_EQ(padded->report.padded_tokens, 2);
}

TEST(Batcher, CancelledAndLateOnesDoNotRun) {
  Echo echo({}, 1);
  const auto batcher = echo.batcher();
  echo.model->hold();
  const auto first = batcher->submit({{echo_row({1})}});
  ASSERT_TRUE(echo.model->wait_for_running(1));
  const auto cancelled = batcher->submit({{echo_row({2})}});
  const auto late =
      batcher->submit({.rows = {echo_row({3})}, .deadline = steady_clock::now() + milliseconds(1)});
  cancelled->cancel();
  EXPECT_EQ(cancelled->take().status().code(), StatusCode::kCancelled);
  EXPECT_EQ(late->take().status().code(), StatusCode::kDeadlineExceeded) << "while all is busy";
  echo.model->release();
  EXPECT_TRUE(answers(first->take(), {1}));
  EXPECT_EQ(echo.model->runs(), 1);
  expect_all_ended(*batcher);
}

TEST(Batcher, AFullQueueRefusesWithAHint) {
  Echo echo({}, 1);
  const auto batcher = echo.batcher({.rows_waiting_max = 2});
  echo.model->hold();
  std::vector<std::shared_ptr<Ticket>> tickets{batcher->submit({{echo_row({0})}})};
  ASSERT_TRUE(echo.model->wait_for_running(1));
  for (int i = 1; i < 4; ++i) tickets.push_back(batcher->submit({{echo_row({i})}}));
  const Result<RowsAnswer> refused = tickets[3]->take();
  EXPECT_EQ(refused.status().code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(refused.status().message(), testing::HasSubstr("try again in"));
  echo.model->release();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(answers(tickets[i]->take(), {i}));
  EXPECT_EQ(batcher->statistics().refused, 1);
  expect_all_ended(*batcher);
}

TEST(Batcher, ABatchThatFailsIsTriedRowByRow) {
  Echo echo({.failing_run = 1, .failure = internal_error("the engine says no")}, 1);
  const auto batcher = echo.batcher();
  echo.model->hold();
  const auto first = batcher->submit({{echo_row({1})}});
  ASSERT_TRUE(echo.model->wait_for_running(1));
  const auto second = batcher->submit({{echo_row({2, 2})}});
  const auto third = batcher->submit({{echo_row({3, 3})}});
  echo.model->release();
  EXPECT_TRUE(answers(first->take(), {1}));
  EXPECT_TRUE(answers(second->take(), {2, 2}));
  EXPECT_TRUE(answers(third->take(), {3, 3}));
}

TEST(Batcher, AFailureIsItsOwnersAlone) {
  Echo echo({.failing_run = 0, .failure = internal_error("the engine says no")}, 1);
  const auto batcher = echo.batcher();
  EXPECT_EQ(batcher->run({{echo_row({1})}}).status().message(), "the engine says no");
  EXPECT_TRUE(answers(batcher->run({{echo_row({2})}}), {2}));
  EXPECT_EQ(batcher->statistics().failed, 1);
}

TEST(Batcher, WithoutASessionItSaysWhy) {
  Echo echo({.session_failures = 100}, 1);
  const auto batcher = echo.batcher();
  EXPECT_EQ(batcher->run({{echo_row({1})}}).status().code(), StatusCode::kUnavailable);
  expect_all_ended(*batcher);
}

TEST(Batcher, SeveralRowsAreOneAnswer) {
  Echo echo;
  const auto batcher = echo.batcher();
  std::vector<Row> rows;
  for (int i = 0; i < 60; ++i) rows.push_back(echo_row(ids_of(i, 1 + i * 5)));
  const Result<RowsAnswer> answer = batcher->submit({.rows = rows})->take();
  ASSERT_TRUE(answer.ok());
  for (int i = 0; i < 60; ++i) {
    EXPECT_TRUE(std::ranges::equal(answer->outputs[i][0].tensor.data<float>(),
                                   echo_of(ids_of(i, 1 + i * 5))));
  }
}

TEST(Batcher, UnloadingEndsWhatWaits) {
  Echo echo({}, 1);
  auto batcher = echo.batcher();
  echo.model->hold();
  const auto first = batcher->submit({{echo_row({1})}});
  ASSERT_TRUE(echo.model->wait_for_running(1));
  const auto second = batcher->submit({{echo_row({2})}});
  auto gone = std::async(std::launch::async, [&] { batcher.reset(); });
  EXPECT_EQ(second->take().status().code(), StatusCode::kCancelled);
  echo.model->release();
  EXPECT_TRUE(answers(first->take(), {1})) << "what runs is still answered";
  gone.get();
  second->cancel();  // of a batcher that is gone
}

TEST(Batcher, AWakerIsCalledOnce) {
  Echo echo({}, 1);
  const auto batcher = echo.batcher();
  echo.model->hold();
  const auto ticket = batcher->submit({{echo_row({1})}});
  std::promise<void> woken;
  ticket->notify([&] { woken.set_value(); });
  EXPECT_FALSE(ticket->ready());
  echo.model->release();
  woken.get_future().get();
  EXPECT_TRUE(ticket->ready());
  int again = 0;
  ticket->notify([&] { ++again; });
  EXPECT_EQ(again, 1) << "it has ended already";
}

TEST(Batcher, InteractiveRowsGoBeforeBulkOnes) {
  Echo echo({}, 1);
  const auto batcher = echo.batcher();
  echo.model->hold();
  const auto running = batcher->submit({.rows = {echo_row({1})}, .lane = Lane::kBulk});
  ASSERT_TRUE(echo.model->wait_for_running(1));
  std::vector<std::shared_ptr<Ticket>> bulk;
  for (int i = 0; i < 20; ++i) {
    bulk.push_back(batcher->submit({.rows = {echo_row(ids_of(i, 300))}, .lane = Lane::kBulk}));
  }
  const auto asked = batcher->submit({{echo_row({7})}});
  while (echo.pool->waiting(Lane::kInteractive) == 0) std::this_thread::yield();
  std::atomic<bool> bulk_was_first = false;
  bulk[0]->notify([&] { bulk_was_first = !asked->ready(); });
  echo.model->release();
  EXPECT_TRUE(answers(asked->take(), {7}));
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(answers(bulk[i]->take(), ids_of(i, 300)));
  EXPECT_FALSE(bulk_was_first);
}

TEST(Batcher, ABulkRowGetsOnWhateverInteractiveCallersDo) {
  Echo echo({.delay = milliseconds(1)}, 1);
  const auto batcher = echo.batcher();
  std::atomic<bool> stop = false;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      while (!stop) EXPECT_TRUE(batcher->submit({{echo_row({1})}})->take().ok());
    });
  }
  for (int i = 0; i < 2; ++i) {
    const auto bulk = batcher->submit({.rows = {echo_row({2, 3})}, .lane = Lane::kBulk});
    EXPECT_TRUE(answers(bulk->take(), {2, 3}));
  }
  stop = true;
  for (std::thread& caller : callers) caller.join();
}

TEST(Batcher, WeightsShareTheItems) {
  Echo fast({.delay = milliseconds(2)}, 1);
  Echo same({.delay = milliseconds(2)}, 1);
  const auto pool = std::make_shared<SessionPool>(
      std::vector<PoolMember>{{.model = fast.model, .device = "CPU/1", .weight = 2},
                              {.model = same.model, .device = "CPU/1", .weight = 1}});
  const auto batcher = Batcher::create(pool, {.limits = {.max_tokens = 10}});
  std::vector<std::shared_ptr<Ticket>> tickets;
  for (int i = 0; i < 300; ++i) tickets.push_back(batcher->submit({{echo_row(ids_of(i, 10))}}));
  for (int i = 0; i < 300; ++i) EXPECT_TRUE(answers(tickets[i]->take(), ids_of(i, 10)));
  const auto members = pool->statistics();
  EXPECT_NEAR(members[0].worked_seconds / members[1].worked_seconds, 2, 0.3);
}

// Everything at once: many threads, both lanes, one in a hundred cancelled and one late.
TEST(Batcher, TenThousandSubmissionsEndOnceEach) {
  Echo echo;
  Echo other;
  const auto batcher = Batcher::create(
      std::make_shared<SessionPool>(std::vector<PoolMember>{{.model = echo.model, .sessions = 2},
                                                            {.model = other.model, .sessions = 2}}),
      {.rows_waiting_max = 500});
  std::atomic<int> wrong = 0;
  std::atomic<int> ends = 0;
  std::vector<std::thread> clients;
  for (int client = 0; client < 8; ++client) {
    clients.emplace_back([&, client] {
      std::mt19937 random(client);
      for (int i = 0; i < 1250; ++i) {
        const auto ids = ids_of(client * 10'000 + i, 1 + random() % 60);
        Submission submission{.rows = {echo_row(ids)},
                              .lane = random() % 4 == 0 ? Lane::kBulk : Lane::kInteractive,
                              .priority = static_cast<int>(random() % 2)};
        const auto chance = random() % 100;
        if (chance == 0) submission.deadline = steady_clock::now();
        if (chance < 50) {
          const Result<RowsAnswer> answer = batcher->run(std::move(submission));
          if (answer.ok() && !answers(answer, ids)) ++wrong;
          ++ends;
          continue;
        }
        const auto ticket = batcher->submit(std::move(submission));
        if (chance == 99) ticket->cancel();
        const Result<RowsAnswer> answer = ticket->take();
        if (answer.ok() && !answers(answer, ids)) ++wrong;
        ++ends;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(ends, 10'000);
  EXPECT_EQ(batcher->statistics().submitted, 10'000);
  expect_all_ended(*batcher);
}

}  // namespace
}  // namespace accel::runtime
