#include "measure/predictor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace accel::measure {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<BatchTime> on_line(double once, double each, std::initializer_list<double> sizes) {
  std::vector<BatchTime> times;
  for (const double items : sizes) times.push_back({items, once + each * items});
  return times;
}

double predicted_ms(std::span<const BatchTime> times, double items) {
  const auto prediction = predict(times, items);
  EXPECT_TRUE(prediction.ok()) << prediction.status().message();
  return prediction.ok() ? prediction->ms : 0;
}

TEST(Predictor, FollowsALineAlsoBeyondWhatWasMeasured) {
  const auto times = on_line(3, 2, {1, 2, 8});
  for (const double items : {0.5, 1.0, 3.0, 4.0, 8.0, 16.0, 32.0}) {
    EXPECT_NEAR(predicted_ms(times, items), 3 + 2 * items, 1e-9) << items;
  }
  EXPECT_EQ(predict(times, 4)->by, PredictedBy::kLine);
  EXPECT_NEAR(predict(times, 4)->line_error, 0, 1e-9);
}

// row 238 (partial: on made times; docs/performance.md has measured ones)
TEST(Predictor, StaysWithinAFifthUnderNoise) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> noise(-0.08, 0.08);
  for (int round = 0; round < 500; ++round) {
    const double once = 0.1 + static_cast<double>(random() % 100) / 10;
    const double each = 0.05 + static_cast<double>(random() % 100) / 20;
    std::vector<BatchTime> times;
    for (const double items : {1.0, 2.0, 8.0}) {
      for (int repeat = 0; repeat < 5; ++repeat) {
        times.push_back({items, (once + each * items) * (1 + noise(random))});
      }
      times.push_back({items, 50 * (once + each * items)});  // a disturbance now and then
    }
    for (const double items : {3.0, 4.0, 6.0, 12.0}) {
      const double truth = once + each * items;
      ASSERT_NEAR(predicted_ms(times, items), truth, 0.2 * truth) << once << " + " << each;
    }
  }
}

TEST(Predictor, OfRepeatsTheMedianCounts) {
  const std::vector<BatchTime> times{{4, 9}, {1, 5}, {4, 11}, {1, 500}, {1, 5}, {4, 10}};
  EXPECT_THAT(medians_of(times), ElementsAre(BatchTime{1, 5}, BatchTime{4, 10}));
  EXPECT_NEAR(predicted_ms(times, 4), 10, 1e-9);
}

TEST(Predictor, WhereALineDoesNotFitTheNeighboursDecide) {
  // From 8 on a cache is too small.
  const std::vector<BatchTime> times{{1, 1}, {4, 4}, {8, 8}, {16, 64}, {32, 128}};
  const auto between = predict(times, 12);
  ASSERT_TRUE(between.ok());
  EXPECT_EQ(between->by, PredictedBy::kNeighbours);
  EXPECT_GT(between->line_error, kLineErrorMax);
  EXPECT_NEAR(between->ms, 36, 1e-9);
  EXPECT_NEAR(predicted_ms(times, 2), 2, 1e-9);
  EXPECT_NEAR(predicted_ms(times, 48), 192, 1e-9);
  // At measured sizes it says what was measured.
  for (const BatchTime& time : times) EXPECT_NEAR(predicted_ms(times, time.items), time.ms, 1e-9);
}

TEST(Predictor, NeverSaysThatMoreItemsTakeLessOrThatFewTakeNothing) {
  const std::vector<BatchTime> falling{{1, 10}, {2, 10}, {4, 5}};
  EXPECT_GE(predicted_ms(falling, 16), 5);
  const std::vector<BatchTime> steep{{8, 1}, {16, 40}, {17, 41}};
  EXPECT_NEAR(predicted_ms(steep, 4), 0.5, 1e-9);
}

TEST(Predictor, RefusesWhatItCannotKnow) {
  const auto times = on_line(1, 1, {2, 4});
  EXPECT_EQ(predict(times, 17).status().code(), StatusCode::kOutOfRange);
  EXPECT_THAT(predict(times, 17).status().message(), HasSubstr("expected 0.5 to 16"));
  EXPECT_EQ(predict(times, 0.4).status().code(), StatusCode::kOutOfRange);
  EXPECT_TRUE(predict(times, 16).ok());
  const std::vector<BatchTime> one{{2, 4}, {2, 5}};
  EXPECT_EQ(predict(one, 3).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(predict({}, 3).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(predict(times, 0).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(predict(times, NAN).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(predict(std::vector<BatchTime>{{1, 0}, {2, 1}}, 1).status().code(),
            StatusCode::kInvalidArgument);
}

TEST(Predictor, HoldsASizeOutToBeComparedWith) {
  auto times = on_line(3, 2, {1, 2, 4, 8});
  times[2].ms = 10;  // the line through the others has 11
  const HeldOut held = hold_out(times, times[2]);
  ASSERT_TRUE(held.predicted.ok());
  EXPECT_NEAR(held.predicted->ms, 11, 1e-9);
  EXPECT_NEAR(held.error, 0.1, 1e-9);
  const HeldOut alone = hold_out(on_line(1, 1, {4}), {4, 5});
  EXPECT_FALSE(alone.predicted.ok());
  EXPECT_EQ(alone.error, 0);
}

}  // namespace
}  // namespace accel::measure
