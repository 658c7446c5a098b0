#include "client/ordered_calls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <numeric>

namespace accel::client {
namespace {

using Calls = OrderedCalls<int, std::vector<int>>;

size_t one_byte(const int&) { return 1; }

TEST(OrderedCalls, AnswersComeInTheOrderOfTheItems) {
  Calls calls({.ask = [](std::vector<int> items) { return items; },
               .bytes_of = one_byte,
               .batch_items = 7,
               .items_max = 50});
  std::thread pusher([&] {
    for (int i = 0; i < 2000; ++i) EXPECT_TRUE(calls.push(i));
    calls.close();
  });
  std::vector<int> all;
  while (const auto answer = calls.next()) {
    EXPECT_LE(answer->size(), 7U);
    all.insert(all.end(), answer->begin(), answer->end());
  }
  pusher.join();
  std::vector<int> expected(2000);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(all, expected);
}

TEST(OrderedCalls, WhatComesWhileAllAreBusyGoesTogether) {
  std::latch first_asked(1);
  std::latch go_on(1);
  Calls calls({.ask =
                   [&](std::vector<int> items) {
                     if (items.front() == 0) first_asked.count_down();
                     go_on.wait();
                     return items;
                   },
               .bytes_of = one_byte,
               .threads = 1,
               .batch_items = 16,
               .batch_bytes = 3});
  EXPECT_TRUE(calls.push(0));
  first_asked.wait();
  for (int i = 1; i < 6; ++i) EXPECT_TRUE(calls.push(i));
  calls.close();
  go_on.count_down();
  EXPECT_THAT(*calls.next(), testing::ElementsAre(0));
  EXPECT_THAT(*calls.next(), testing::ElementsAre(1, 2, 3));  // as many bytes as may be
  EXPECT_THAT(*calls.next(), testing::ElementsAre(4, 5));
  EXPECT_FALSE(calls.next().has_value());
}

TEST(OrderedCalls, WhoPushesWaitsForRoom) {
  std::atomic<int> pushed = 0;
  Calls calls(
      {.ask = [](std::vector<int> items) { return items; }, .bytes_of = one_byte, .items_max = 3});
  std::thread pusher([&] {
    for (int i = 0; i < 10; ++i) {
      if (!calls.push(i)) return;
      ++pushed;
    }
    calls.close();
  });
  for (int i = 0; i < 10; ++i) {
    EXPECT_LE(pushed, i + 3);
    EXPECT_THAT(*calls.next(), testing::ElementsAre(i));
  }
  EXPECT_FALSE(calls.next().has_value());
  pusher.join();
}

TEST(OrderedCalls, CancellingEndsEverybodysWaiting) {
  std::latch asked(1);
  std::latch end(1);
  Calls calls({.ask =
                   [&](std::vector<int> items) {
                     asked.count_down();
                     end.wait();
                     return items;
                   },
               .bytes_of = one_byte,
               .threads = 1,
               .items_max = 1});
  std::thread pusher([&] {
    EXPECT_TRUE(calls.push(1));
    EXPECT_FALSE(calls.push(2));
  });
  std::thread taker([&] { EXPECT_FALSE(calls.next().has_value()); });
  asked.wait();
  calls.cancel();
  pusher.join();
  taker.join();
  end.count_down();
}

}  // namespace
}  // namespace accel::client
