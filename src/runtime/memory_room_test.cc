#include "runtime/memory_room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <optional>

namespace accel::runtime {
namespace {

constexpr uint64_t kMebibyte = 1 << 20;
constexpr uint64_t kCap = 100 * kMebibyte;  // 16 of it are the reserve

class MemoryRoomTest : public testing::Test {
 protected:
  std::atomic<uint64_t> resident_ = 44 * kMebibyte;
  std::atomic<uint64_t> freed_ = 0;  // that the kernel has not been given back
  MemoryRoom room_{kCap, [this] { return resident_ + freed_; }, [this] { freed_ = 0; }};
};

TEST_F(MemoryRoomTest, LessTheReserveAndWhatOthersHold) {
  EXPECT_EQ(room_.left(), 40 * kMebibyte);
  const auto hold = room_.hold(30 * kMebibyte);
  ASSERT_TRUE(hold.ok()) << hold.status().message();
  EXPECT_EQ(room_.left(), 10 * kMebibyte);
}

TEST_F(MemoryRoomTest, NothingIsAlwaysThere) {
  resident_ = 2 * kCap;
  EXPECT_EQ(room_.left(), 0U);
  EXPECT_TRUE(room_.hold(0).ok());
}

TEST_F(MemoryRoomTest, RefusesWhatDoesNotFitThoughNobodyHoldsAny) {
  const auto hold = room_.hold(41 * kMebibyte);
  EXPECT_EQ(hold.status().code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(hold.status().message(), testing::HasSubstr("found 44 MiB of memory in use"));
  EXPECT_TRUE(room_.hold(40 * kMebibyte).ok());
}

TEST_F(MemoryRoomTest, WhatIsSparedMustFitAndIsNotHeld) {
  EXPECT_FALSE(room_.hold(20 * kMebibyte, 21 * kMebibyte).ok());
  const auto hold = room_.hold(20 * kMebibyte, 20 * kMebibyte);
  EXPECT_TRUE(hold.ok());
  EXPECT_EQ(room_.left(), 20 * kMebibyte);
}

TEST_F(MemoryRoomTest, WhatWasFreedIsGivenBackFirst) {
  freed_ = 30 * kMebibyte;
  EXPECT_TRUE(room_.hold(40 * kMebibyte).ok());
  EXPECT_EQ(freed_, 0U);
}

TEST_F(MemoryRoomTest, WaitsForWhoHoldsSome) {
  std::optional<MemoryRoom::Hold> first;
  first.emplace(*room_.hold(30 * kMebibyte));
  auto second = std::async(std::launch::async, [&] { return room_.hold(20 * kMebibyte).ok(); });
  EXPECT_EQ(second.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  first.reset();
  EXPECT_TRUE(second.get());
}

TEST_F(MemoryRoomTest, KnowsWhoWasAlone) {
  std::optional<MemoryRoom::Hold> first;
  first.emplace(*room_.hold(0));
  EXPECT_TRUE(first->alone());
  {
    const auto second = room_.hold(0);
    EXPECT_FALSE(first->alone());
    EXPECT_FALSE(second->alone());
  }
  first.reset();
  EXPECT_TRUE(room_.hold(0)->alone());
}

TEST(MemoryRoomOfThisProcess, CountsWhatItHas) {
  EXPECT_EQ(make_memory_room(0), nullptr);
  const auto room = make_memory_room(uint64_t{1} << 40);
  EXPECT_GT(room->resident(), kMebibyte);
  EXPECT_LT(room->left(), uint64_t{1} << 40);
}

}  // namespace
}  // namespace accel::runtime
