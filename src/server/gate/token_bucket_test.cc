#include "server/gate/token_bucket.h"

#include <gtest/gtest.h>

#include <chrono>

namespace accel::server {
namespace {

constexpr BucketLimit kLimit{.per_second = 2, .size = 4};

Clock::time_point second(double seconds) {
  return Clock::time_point() +
         std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

TEST(TokenBucket, IsFullAtFirstAndFillsEvenly) {
  TokenBucket bucket;
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(bucket.seconds_until(1, kLimit, second(10)), 0);
    bucket.take(1, kLimit, second(10));
  }
  EXPECT_DOUBLE_EQ(bucket.seconds_until(1, kLimit, second(10)), 0.5);
  EXPECT_NEAR(bucket.seconds_until(1, kLimit, second(10.25)), 0.25, 1e-9);
  EXPECT_EQ(bucket.seconds_until(1, kLimit, second(10.5)), 0);
  EXPECT_FALSE(bucket.full(kLimit, second(11.9)));
  EXPECT_TRUE(bucket.full(kLimit, second(12)));
  EXPECT_EQ(bucket.seconds_until(4, kLimit, second(1000)), 0);  // and no fuller than full
  EXPECT_EQ(bucket.seconds_until(5, kLimit, second(1000)), 0);
}

TEST(TokenBucket, ADebtIsWaitedFor) {
  TokenBucket bucket;
  bucket.take(10, kLimit, second(0));
  EXPECT_DOUBLE_EQ(bucket.seconds_until(1, kLimit, second(0)), 3.5);
  EXPECT_NEAR(bucket.seconds_until(1, kLimit, second(3)), 0.5, 1e-9);
}

TEST(TokenBucket, FollowsItsLimit) {
  TokenBucket bucket;
  bucket.take(4, kLimit, second(0));
  EXPECT_EQ(bucket.seconds_until(1, {.per_second = 1, .size = 8}, second(0)), 0);
  EXPECT_EQ(bucket.seconds_until(1, {}, second(0)), 0);  // none
  bucket.take(1'000, {}, second(0));
  EXPECT_DOUBLE_EQ(bucket.seconds_until(1, kLimit, second(0)), 0.5);
  EXPECT_DOUBLE_EQ(bucket.seconds_until(1, kLimit, second(-5)), 0.5);  // a clock that went back
}

}  // namespace
}  // namespace accel::server
