#include "hardware/foreign_load.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace accel::hardware {
namespace {

constexpr std::string_view kStat = "cpu  300 10 40 900 50 0 5 0 0 0\n"
                                   "cpu0 100 10 20 300 20 0 5 0 7 0\n"
                                   "cpu1 200 0 20 600 30 0 0 0 0 0\n"
                                   "intr 12 3\n";
constexpr std::string_view kSelf =
    "42 (a ) name) S 1 2 3 4 5 6 7 8 9 10 70 30 0 0 20 0 1 0 5 6 7 8";

TEST(CpuTicks, AreThoseOfTheCountedProcessorsAndOfThisProcess) {
  const auto all = parse_cpu_ticks(kStat, kSelf, {});
  ASSERT_TRUE(all);
  EXPECT_EQ(all->all, 455 + 850);
  EXPECT_EQ(all->busy, 135 + 220);
  EXPECT_EQ(all->own, 100);
  const auto one = parse_cpu_ticks(kStat, kSelf, {1});
  ASSERT_TRUE(one);
  EXPECT_EQ(one->all, 850);
  EXPECT_EQ(one->busy, 220);
}

TEST(CpuTicks, OfOtherTextThereAreNone) {
  EXPECT_FALSE(parse_cpu_ticks("", kSelf, {}));
  EXPECT_FALSE(parse_cpu_ticks("cpux 1 2 3 4 5\n", kSelf, {}));
  EXPECT_FALSE(parse_cpu_ticks(kStat, "42 name S 1", {}));
  EXPECT_FALSE(parse_cpu_ticks(kStat, "42 (name) S 1 2", {}));
  EXPECT_FALSE(parse_cpu_ticks(kStat, kSelf, {7}));
}

TEST(ForeignShare, IsWhatOthersTookOfAll) {
  EXPECT_DOUBLE_EQ(
      foreign_share({.all = 100, .busy = 50, .own = 10}, {.all = 200, .busy = 130, .own = 40}),
      0.5);
  EXPECT_EQ(foreign_share({.all = 100, .busy = 50, .own = 10}, {.all = 200, .busy = 80, .own = 90}),
            0)
      << "ticks of a process are counted by another clock and may be ahead";
  EXPECT_EQ(foreign_share({.all = 100}, {.all = 100}), 0);
  EXPECT_EQ(foreign_share({.all = 100, .busy = 90}, {.all = 200, .busy = 20}), 0);
}

TEST(ForeignLoad, IsAShareThatIsLookedAtNowAndThen) {
  ForeignLoad load;
  EXPECT_EQ(load.share(), 0);
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
  std::atomic<uint64_t> count = 0;
  while (std::chrono::steady_clock::now() < end) ++count;
  const double share = load.share();
  EXPECT_GE(share, 0);
  EXPECT_LE(share, 1);
  EXPECT_EQ(load.share(), share) << "the same within a quarter of a second";
}

}  // namespace
}  // namespace accel::hardware
