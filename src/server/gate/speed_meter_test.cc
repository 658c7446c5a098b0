#include "server/gate/speed_meter.h"

#include <gtest/gtest.h>

namespace accel::server {
namespace {

// `count` requests, one after another.
void answer(SpeedMeter& meter, int count, double seconds, double waited = 0) {
  for (int i = 0; i < count; ++i) {
    meter.pass(seconds - waited);
    meter.answered(seconds, waited);
  }
}

TEST(SpeedMeter, KnowsNothingAtFirst) {
  EXPECT_EQ(SpeedMeter().speed().per_second, 0);
  SpeedMeter meter;
  meter.pass(10);
  EXPECT_EQ(meter.speed().per_second, 0);
}

TEST(SpeedMeter, TheFirstRequestSaysAsMuchAsIsKnown) {
  SpeedMeter meter;
  answer(meter, 1, 0.25);
  EXPECT_NEAR(meter.speed().per_second, 4, 0.4);
  EXPECT_EQ(meter.speed().work_seconds, 0.25);
  EXPECT_EQ(meter.speed().waited_seconds, 0);
}

TEST(SpeedMeter, FollowsWhatChangesWithinSeconds) {
  SpeedMeter meter;
  answer(meter, 1000, 0.01);
  EXPECT_NEAR(meter.speed().per_second, 100, 2);
  answer(meter, 100, 0.1);  // ten seconds of it
  EXPECT_NEAR(meter.speed().per_second, 10, 5);
  EXPECT_NEAR(meter.speed().work_seconds, 0.1, 0.03);
}

TEST(SpeedMeter, SlowRequestsAreRememberedForLonger) {
  SpeedMeter meter;
  answer(meter, 100, 10);
  EXPECT_NEAR(meter.speed().per_second, 0.1, 0.01);
  meter.pass(10);
  EXPECT_NEAR(meter.speed().per_second, 0.1, 0.01);
}

TEST(SpeedMeter, WaitingIsNoWork) {
  SpeedMeter meter;
  answer(meter, 200, 3, 2);
  EXPECT_NEAR(meter.speed().waited_seconds, 2, 1e-3);
  EXPECT_NEAR(meter.speed().work_seconds, 1, 1e-2);
  answer(meter, 40, 1);
  EXPECT_LT(meter.speed().waited_seconds, 0.2);
}

TEST(SpeedMeter, WhatNobodyHasMeasuredCountsForTheRateOnly) {
  SpeedMeter meter;
  answer(meter, 100, 0.1, 0);
  for (int i = 0; i < 100; ++i) {
    meter.pass(0.1);
    meter.answered(50, {});
  }
  EXPECT_NEAR(meter.speed().per_second, 10, 1);
  EXPECT_NEAR(meter.speed().work_seconds, 0.1, 1e-9);
}

}  // namespace
}  // namespace accel::server
