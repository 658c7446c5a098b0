#include "engine/path_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::engine {
namespace {

using testing::HasSubstr;

// The engine takes a fifth of a second to be ready and a millisecond for an item, the reference
// nothing and twenty.
const PathCosts kCosts{.local = {.load_seconds = 0.01, .seconds_per_item = 0.020},
                       .accelerated = {.load_seconds = 0.2, .seconds_per_item = 0.001}};

// row 300 (partial: that both are the winners is measured in docs/performance.md)
TEST(ChoosePath, FiveItemsAreLocalAndFiveHundredAreNot) {
  for (const auto& costs : {std::optional<PathCosts>(), std::optional<PathCosts>(kCosts)}) {
    EXPECT_TRUE(choose_path(costs, {}, 5).local);
    EXPECT_FALSE(choose_path(costs, {}, 500).local);
  }
  EXPECT_THAT(choose_path({}, {}, 5).reason, HasSubstr("not measured"));
  EXPECT_THAT(choose_path(kCosts, {}, 5).reason, HasSubstr("0.11 s locally, 0.205 s accelerated"));
}

TEST(ChoosePath, WhatIsLoadedNeedsNoLoading) {
  EXPECT_FALSE(choose_path(kCosts, {.accelerated = true}, 5).local);
  EXPECT_FALSE(choose_path({}, {.accelerated = true}, 5).local);
  EXPECT_TRUE(choose_path(kCosts, {.local = true, .accelerated = false}, 10).local);
}

TEST(ChoosePath, TheBreakEvenIsWhereTheChoiceChanges) {
  const auto from = items_to_accelerate(kCosts);
  ASSERT_TRUE(from);
  EXPECT_TRUE(choose_path(kCosts, {}, *from - 1).local);
  EXPECT_FALSE(choose_path(kCosts, {}, *from).local);
  EXPECT_FALSE(
      items_to_accelerate({.local = kCosts.accelerated, .accelerated = kCosts.local}).has_value())
      << "ready sooner and slower, it would be better only at first";
  EXPECT_EQ(items_to_accelerate({.local = kCosts.local, .accelerated = {}}), 1U);
}

}  // namespace
}  // namespace accel::engine
