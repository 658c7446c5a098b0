#include "runtime/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace accel::runtime {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<Resident> kThree{{.name = "young", .bytes = 10, .last_used = 3},
                                   {.name = "old", .bytes = 20, .last_used = 1},
                                   {.name = "middle", .bytes = 30, .last_used = 2}};

TEST(Admission, WithoutBoundsEverybodyStays) {
  EXPECT_THAT(admit(kThree, 1 << 30, {}).evict, IsEmpty());
}

TEST(Admission, TheLeastRecentlyUsedGoAsFewAsAreEnough) {
  EXPECT_THAT(admit(kThree, 40, {.bytes_max = 100}).evict, IsEmpty());
  EXPECT_THAT(admit(kThree, 41, {.bytes_max = 100}).evict, ElementsAre("old"));
  EXPECT_THAT(admit(kThree, 61, {.bytes_max = 100}).evict, ElementsAre("old", "middle"));
  EXPECT_THAT(admit(kThree, 100, {.bytes_max = 100}).evict, ElementsAre("old", "middle", "young"));
  EXPECT_THAT(admit(kThree, 1, {.models_max = 3}).evict, ElementsAre("old"));
  EXPECT_THAT(admit(kThree, 1, {.bytes_max = 40, .models_max = 3}).evict,
              ElementsAre("old", "middle"));
}

TEST(Admission, TheBusyAndThePinnedStayAndAreNamed) {
  std::vector<Resident> residents = kThree;
  residents[1].busy = true;
  residents[2].pinned = true;
  EXPECT_THAT(admit(residents, 50, {.bytes_max = 100}).evict, ElementsAre("young"));
  const Admission none = admit(residents, 51, {.bytes_max = 100});
  EXPECT_EQ(none.refused.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(none.evict, IsEmpty());
  EXPECT_THAT(none.refused.message(), HasSubstr("old (0.0 MiB, in use), middle (0.0 MiB, pinned)"));
}

TEST(Admission, WhatIsLargerThanTheBoundMovesNobody) {
  const Admission admission = admit(kThree, 101, {.bytes_max = 100});
  EXPECT_EQ(admission.refused.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(admission.evict, IsEmpty());
}

// Against what the header promises, over random tables.
TEST(Admission, HoldsItsBoundsForever) {
  std::mt19937 random(7);
  const auto below = [&](int limit) { return static_cast<int>(random() % limit); };
  for (int round = 0; round < 20'000; ++round) {
    std::vector<Resident> residents;
    for (int i = below(8); i > 0; --i) {
      residents.push_back({.name = std::to_string(i),
                           .bytes = static_cast<uint64_t>(below(50)),
                           .last_used = below(5),
                           .busy = below(4) == 0,
                           .pinned = below(4) == 0});
    }
    const AdmissionLimits limits{.bytes_max = static_cast<uint64_t>(below(120)),
                                 .models_max = static_cast<uint64_t>(below(6))};
    const auto bytes = static_cast<uint64_t>(below(60));
    const Admission admission = admit(residents, bytes, limits);
    uint64_t used = bytes;
    uint64_t count = 1;
    uint64_t fixed = bytes;
    uint64_t fixed_count = 1;
    for (const Resident& each : residents) {
      const bool held = each.busy || each.pinned;
      const bool goes = std::ranges::count(admission.evict, each.name) > 0;
      ASSERT_FALSE(held && goes);
      if (!goes) used += each.bytes, ++count;
      if (held) fixed += each.bytes, ++fixed_count;
    }
    const auto within = [&](uint64_t sum, uint64_t number) {
      return (limits.bytes_max == 0 || sum <= limits.bytes_max) &&
             (limits.models_max == 0 || number <= limits.models_max);
    };
    ASSERT_EQ(admission.refused.ok(), within(fixed, fixed_count));
    ASSERT_TRUE(!admission.refused.ok() || within(used, count));
  }
}

}  // namespace
}  // namespace accel::runtime
