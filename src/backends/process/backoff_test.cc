#include "backends/process/backoff.h"

#include <gtest/gtest.h>

namespace accel::backend {
namespace {

TEST(Backoff, DoublesFromATenthToHalfAMinute) {
  EXPECT_DOUBLE_EQ(backoff_seconds(0), 0);
  EXPECT_DOUBLE_EQ(backoff_seconds(1), 0.1);
  EXPECT_DOUBLE_EQ(backoff_seconds(2), 0.2);
  EXPECT_DOUBLE_EQ(backoff_seconds(9), 25.6);
  EXPECT_DOUBLE_EQ(backoff_seconds(10), 30);
  EXPECT_DOUBLE_EQ(backoff_seconds(1'000'000), 30);
}

TEST(Backoff, AProcessThatRanForAMinuteBeginsAnew) {
  EXPECT_EQ(ends_in_a_row(0, 0), 1);
  EXPECT_EQ(ends_in_a_row(4, 59), 5);
  EXPECT_EQ(ends_in_a_row(4, 60), 1);
  EXPECT_EQ(ends_in_a_row(1000, 0), 1000);
}

}  // namespace
}  // namespace accel::backend
