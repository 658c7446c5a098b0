#include "runtime/placement.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

namespace accel::runtime {
namespace {

constexpr double kMillisecond = 1e-3;

TEST(Placement, TriesWhatHasNotRunYet) {
  const std::array<InstanceLoad, 2> instances{{{.seconds_per_token = kMillisecond}, {}}};
  EXPECT_EQ(place(instances, 10, 10), 1);
}

TEST(Placement, TakesTheFasterOfTwoThatAreFree) {
  const std::array<InstanceLoad, 2> instances{
      {{.seconds_per_token = 2 * kMillisecond}, {.seconds_per_token = kMillisecond}}};
  EXPECT_EQ(place(instances, 10, 10), 1);
}

TEST(Placement, NothingIsFree) {
  const std::array<InstanceLoad, 1> instances{{{.free = 0, .seconds_per_token = kMillisecond}}};
  EXPECT_EQ(place(instances, 10, 10), std::nullopt);
}

TEST(Placement, ASlowOneTakesABatchOnlyWhileTheOthersAreNotThroughBefore) {
  std::array<InstanceLoad, 2> instances{
      {{.free = 0, .seconds_per_token = kMillisecond, .promised_seconds = 10 * kMillisecond},
       {.seconds_per_token = 5 * kMillisecond}}};
  EXPECT_EQ(place(instances, 10, 10), std::nullopt) << "the fast one is through in 20 ms, not 50";
  EXPECT_EQ(place(instances, 10, 1000), 1) << "there is enough for both";
}

TEST(Placement, OneThatFailedIsLeftOut) {
  const std::array<InstanceLoad, 2> instances{{{.usable = false, .seconds_per_token = kMillisecond},
                                               {.seconds_per_token = 9 * kMillisecond}}};
  EXPECT_EQ(place(instances, 10, 10), 1);
}

// Batches of random sizes on instances with a speed of their own, while there is always more to do
// or until all is done.
class Machine {
 public:
  Machine(std::vector<InstanceLoad> instances, std::vector<double> real, uint32_t seed)
      : instances_(std::move(instances)),
        real_(std::move(real)),
        until_(real_.size(), 0),
        items_(real_.size(), 0),
        random_(seed) {}

  // Runs `tokens` in batches of at most 320; the time it took.
  double run(int64_t tokens) {
    while (tokens > 0 || now_ < latest()) {
      while (tokens > 0 && start(tokens)) continue;
      next_end();
    }
    return now_;
  }
  int64_t items(size_t instance) const { return items_[instance]; }
  // The share of the time so far that it worked.
  double utilisation(size_t instance) const { return instances_[instance].worked_seconds / now_; }

 private:
  double latest() const { return *std::max_element(until_.begin(), until_.end()); }

  bool start(int64_t& tokens) {
    const int64_t batch =
        std::min(tokens, std::uniform_int_distribution<int64_t>(100, 320)(random_));
    for (size_t i = 0; i < instances_.size(); ++i) {
      instances_[i].free = until_[i] > now_ ? 0 : 1;
      instances_[i].promised_seconds = std::max(until_[i] - now_, 0.0);
    }
    const std::optional<size_t> chosen = place(instances_, batch, tokens);
    if (!chosen) {
      EXPECT_GT(latest(), now_) << "nothing runs and nothing may start";
      if (latest() <= now_) tokens = 0;
      return false;
    }
    EXPECT_EQ(instances_[*chosen].free, 1);
    const double seconds = static_cast<double>(batch) * real_[*chosen];
    until_[*chosen] = now_ + seconds;
    instances_[*chosen].seconds_per_token = real_[*chosen];
    instances_[*chosen].worked_seconds += seconds;
    items_[*chosen] += batch;
    tokens -= batch;
    return true;
  }
  void next_end() {
    double next = latest();
    for (const double until : until_) {
      if (until > now_) next = std::min(next, until);
    }
    now_ = next;
  }

  std::vector<InstanceLoad> instances_;
  std::vector<double> real_;
  std::vector<double> until_;
  std::vector<int64_t> items_;
  std::mt19937 random_;
  double now_ = 0;
};

TEST(Placement, AMillionBatchesNeverTakeLongerThanTheFastestAlone) {
  int64_t batches = 0;
  for (uint32_t seed = 0; batches < 1'000'000; ++seed) {
    std::mt19937 random(seed);
    const auto count = std::uniform_int_distribution<size_t>(1, 4)(random);
    std::vector<double> real;
    double fastest = 1;
    for (size_t i = 0; i < count; ++i) {
      real.push_back(std::uniform_real_distribution<>(0.1, 2)(random) * kMillisecond);
      fastest = std::min(fastest, real.back());
    }
    const auto tokens = std::uniform_int_distribution<int64_t>(1, 200'000)(random);
    Machine machine(std::vector<InstanceLoad>(count), real, seed);
    const double took = machine.run(tokens);
    // Each is tried once, which is how its speed is learnt.
    ASSERT_LE(took, static_cast<double>(tokens) * fastest + 320 * 2 * kMillisecond)
        << "seed " << seed;
    batches += tokens / 200;
  }
}

// row 29
TEST(Placement, WeightsShareTheWork) {
  for (const double weight : {1.0, 2.0, 4.0}) {
    Machine machine({{.weight = weight}, {.weight = 1}}, {kMillisecond, kMillisecond}, 1);
    machine.run(2'000'000);
    const double share = static_cast<double>(machine.items(0)) / machine.items(1);
    EXPECT_NEAR(share, weight, 0.02 * weight);
  }
}

// row 31
TEST(Placement, AWeightDoesNotMakeASlowOneTheBottleneck) {
  Machine machine({{.weight = 2}, {.weight = 1}}, {kMillisecond, 5 * kMillisecond}, 1);
  EXPECT_LE(machine.run(1'000'000), 1'000);
  EXPECT_GT(machine.items(1), 0);
}

// rows 27 and 270
TEST(Placement, TwoDoMoreThanTheBetterAloneAndBothAreBusy) {
  for (const double slower : {1.0, 1.5, 3.0}) {
    const std::vector<double> real{kMillisecond, slower * kMillisecond};
    constexpr int64_t kTokens = 1'000'000;
    Machine both({{}, {}}, real, 1);
    Machine better({{}}, {real[0]}, 1);
    EXPECT_LT(both.run(kTokens), better.run(kTokens) * (slower / (1 + slower)) * 1.02) << slower;
    EXPECT_NEAR(both.utilisation(0), both.utilisation(1), 0.1) << slower;
    EXPECT_GT(both.utilisation(1), 0.9) << slower;
  }
}

}  // namespace
}  // namespace accel::runtime
