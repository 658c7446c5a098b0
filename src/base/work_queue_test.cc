#include "base/work_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace accel {
namespace {

TEST(WorkQueue, WhatWasHandedInIsDoneBeforeItEnds) {
  std::atomic<int> done = 0;
  {
    const WorkQueue queue("test", 2);
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(queue.entrance().post([&] { ++done; }));
  }
  EXPECT_EQ(done, 1000);
}

TEST(WorkQueue, OneThreadKeepsTheOrder) {
  std::vector<int> order;
  {
    const WorkQueue queue("test", 1);
    for (int i = 0; i < 100; ++i) queue.entrance().post([&order, i] { order.push_back(i); });
  }
  ASSERT_EQ(order.size(), 100);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

TEST(WorkQueue, AnEntranceOutlivesItsQueueAndIsThenClosed) {
  auto queue = std::make_unique<WorkQueue>("test", 1);
  const WorkQueue::Entrance entrance = queue->entrance();
  std::promise<void> held;
  std::promise<void> begun;
  ASSERT_TRUE(entrance.post([&] {
    begun.set_value();
    held.get_future().wait();
  }));
  begun.get_future().wait();
  ASSERT_TRUE(entrance.post([] {}));
  EXPECT_EQ(entrance.waiting(), 1);
  held.set_value();
  queue.reset();
  EXPECT_FALSE(entrance.post([] { FAIL(); }));
}

}  // namespace
}  // namespace accel
