// Admission before a machine of fixed capacity whose clients do not wait for each other: by events,
// on a clock of its own, from fixed seeds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <deque>
#include <map>
#include <queue>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "server/gate.h"
#include "server/gate/admission.h"

namespace accel::server {
namespace {

constexpr double kBound = 5;  // AdmissionLimits::queue_seconds_max

// Clients of one key: they come at random, on average so often.
struct Clients {
  std::string name;
  double per_second = 0;
  double takes_seconds = 0.04;  // on average, of one lane
  Priority priority = Priority::kNormal;
  bool bulk = false;
  double from = 0;  // seconds of the simulation
  double until = 60;
  std::optional<double> deadline_seconds = std::nullopt;
  bool at_once = false;  // all in the first moment
};

struct Seen {
  uint64_t came = 0;
  uint64_t ended = 0;
  std::map<std::string, uint64_t, std::less<>> refused;
  std::vector<double> waits;  // of those that were taken, until they began

  double wait_of(double part) const {
    std::vector<double> sorted = waits;
    std::ranges::sort(sorted);
    if (sorted.empty()) return 0;
    return sorted[static_cast<size_t>(part * static_cast<double>(sorted.size() - 1))];
  }
  // Ended within the bound.
  uint64_t good(double bound = kBound) const {
    return static_cast<uint64_t>(
        std::ranges::count_if(waits, [&](double wait) { return wait <= bound; }));
  }
  uint64_t refusals() const {
    uint64_t sum = 0;
    for (const auto& [reason, count] : refused) sum += count;
    return sum;
  }
};

class Simulation {
 public:
  Simulation(size_t lanes, AdmissionLimits limits) : idle_(lanes), admission_(limits) {}

  // What each clients saw, until the last one was answered.
  std::map<std::string, Seen> run(const std::vector<Clients>& all) {
    for (const Clients& one : all) {
      at(one.from, [this, &one] { comes(one); });
    }
    while (!events_.empty()) {
      const Event event = events_.top();
      events_.pop();
      now_ = event.time;
      event.happens();
    }
    return std::move(seen_);
  }

  double end() const { return now_; }

 private:
  struct Event {
    double time = 0;
    uint64_t number = 0;  // those of one moment happen in their order
    std::function<void()> happens;
    bool operator<(const Event& other) const {
      return std::tie(time, number) > std::tie(other.time, other.number);
    }
  };
  struct Waiting {
    const Clients* of;
    Place place;
    double came;
  };

  void at(double time, std::function<void()> happens) {
    events_.push({time, ++events_made_, std::move(happens)});
  }
  Clock::time_point clock() const {
    return Clock::time_point() + std::chrono::hours(1) +
           std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(now_));
  }
  // Between 0 and 1, neither of them.
  double random() { return (static_cast<double>(random_() >> 11) + 0.5) / 9007199254740992.0; }

  void comes(const Clients& one) {
    const double next =
        one.at_once ? now_ + 1 / one.per_second * 1e-3 : now_ - std::log(random()) / one.per_second;
    const double until = one.at_once ? one.from + 1e-3 : one.until;
    if (next < until) at(next, [this, &one] { comes(one); });
    Seen& seen = seen_[one.name];
    ++seen.came;
    auto entry = admission_.take({.visitor = one.name,
                                  .priority = one.priority,
                                  .bulk = one.bulk,
                                  .deadline_seconds = one.deadline_seconds},
                                 clock());
    if (const auto* decision = std::get_if<Decision>(&entry)) {
      ++seen.refused[std::string(decision->reason)];
      return;
    }
    const int order = (one.bulk ? 3 : 0) - static_cast<int>(one.priority);
    waiting_[order].push_back({&one, std::get<Place>(entry), now_});
    begin();
  }

  // The lanes that are idle take those that go first.
  void begin() {
    for (auto& [order, line] : waiting_) {
      while (idle_ > 0 && !line.empty()) {
        const Waiting next = line.front();
        line.pop_front();
        --idle_;
        seen_[next.of->name].waits.push_back(now_ - next.came);
        const double takes = next.of->takes_seconds * (0.5 + random());
        const double waited = now_ - next.came;
        at(now_ + takes, [this, next, waited] {
          ++idle_;
          ++seen_[next.of->name].ended;
          admission_.give_back(next.place, {.answered = true, .waited = waited}, clock());
          begin();
        });
      }
    }
  }

  size_t idle_;
  Admission admission_;
  double now_ = 0;
  uint64_t events_made_ = 0;
  std::priority_queue<Event> events_;
  std::map<int, std::deque<Waiting>> waiting_;
  std::map<std::string, Seen> seen_;
  std::mt19937_64 random_{7};
};

constexpr size_t kLanes = 4;
constexpr double kCapacity = 100;  // requests of 40 ms on four lanes, in a second
const AdmissionLimits kUsual{};
const AdmissionLimits kUnbounded{.requests_max = 1 << 30, .queue_seconds_max = 0};

Seen of_one(size_t lanes, const AdmissionLimits& limits, Clients clients) {
  clients.name = "one";
  return Simulation(lanes, limits).run({clients})["one"];
}

TEST(AdmissionSimulation, WhatTheMachineCanDoIsNotRefused) {
  for (const double load : {0.1, 0.5, 0.9}) {
    const Seen seen = of_one(kLanes, kUsual, {.per_second = load * kCapacity});
    EXPECT_EQ(seen.refusals(), 0) << load;
    EXPECT_EQ(seen.ended, seen.came);
  }
}

// Whether its requests are short and many run side by side, or few do and each takes longer.
TEST(AdmissionSimulation, AtFiveTimesTheCapacityWhatIsTakenIsAnsweredInTime) {
  const Seen peak = of_one(kLanes, kUsual, {.per_second = 0.95 * kCapacity});
  for (const size_t lanes : {1, 4, 64}) {
    for (const double load : {1.2, 2.0, 5.0}) {
      const double takes = static_cast<double>(lanes) / kCapacity;
      const Seen seen =
          of_one(lanes, kUsual, {.per_second = load * kCapacity, .takes_seconds = takes});
      EXPECT_GE(static_cast<double>(seen.good()), 0.9 * static_cast<double>(peak.good()))
          << lanes << " lanes, " << load;
      EXPECT_LE(seen.wait_of(0.95), kBound) << lanes << " lanes, " << load;
      EXPECT_GT(seen.refused.at("queue"), 0);
      EXPECT_EQ(seen.ended + seen.refusals(), seen.came);  // refused when they came, or answered
    }
  }
}

// The same without a bound, to see that it is the bound that does it.
TEST(AdmissionSimulation, WithoutABoundNobodyIsAnsweredInTime) {
  const Seen seen = of_one(kLanes, kUnbounded, {.per_second = 5 * kCapacity});
  EXPECT_EQ(seen.refusals(), 0);
  EXPECT_LE(seen.good(), seen.came / 20);
}

TEST(AdmissionSimulation, MoreThanAllPlacesIsRefusedHoweverFastTheMachineIs) {
  constexpr double kFast = 10'000;
  const Seen seen =
      of_one(4, kUsual, {.per_second = 5 * kFast, .takes_seconds = 4 / kFast, .until = 2});
  EXPECT_LE(seen.wait_of(1), 1024 / kFast * 1.5);
  EXPECT_EQ(seen.refused.count("queue"), 0);
  EXPECT_GE(static_cast<double>(seen.good()), 0.9 * kFast * 2);
}

// Requests that take longer than the bound: what they take is no wait.
TEST(AdmissionSimulation, SlowRequestsSideBySideAreNoQueue) {
  const Seen seen = of_one(16, kUsual, {.per_second = 1.4, .takes_seconds = 8, .until = 600});
  EXPECT_LE(seen.refusals(), seen.came / 50);
  const Seen crowd = of_one(16, kUsual, {.per_second = 10, .takes_seconds = 8, .until = 600});
  EXPECT_GE(static_cast<double>(crowd.ended), 0.95 * 600 * 2);
  // But for those who came before the first was answered: until then nobody can know.
  EXPECT_GE(static_cast<double>(crowd.good()), 0.75 * 600 * 2);
}

// One client's request of a minute makes no wait for the others on a machine that is idle beside.
TEST(AdmissionSimulation, ALongRequestAmongShortOnesShutsNobodyOut) {
  Simulation simulation(8, kUsual);
  auto seen =
      simulation.run({{.name = "short", .per_second = 0.2, .takes_seconds = 0.05, .until = 3600},
                      {.name = "long", .per_second = 0.01, .takes_seconds = 60, .until = 3600}});
  EXPECT_EQ(seen["short"].refusals(), 0);
  EXPECT_EQ(seen["long"].refusals(), 0);
}

TEST(AdmissionSimulation, ACrowdThatComesToAnIdleMachineIsTaken) {
  Simulation simulation(64, kUsual);
  auto seen = simulation.run(
      {{.name = "before", .per_second = 0.1, .takes_seconds = 1, .until = 600},
       {.name = "crowd", .per_second = 200, .takes_seconds = 1, .from = 600, .at_once = true}});
  EXPECT_EQ(seen["before"].refusals(), 0);
  EXPECT_EQ(seen["crowd"].refusals(), 0);
  EXPECT_GE(seen["crowd"].came, 200);
}

TEST(AdmissionSimulation, AModestKeyIsServedBesideAGreedyOne) {
  for (const double greedy : {2, 5, 20}) {
    Simulation simulation(kLanes, kUsual);
    auto seen = simulation.run({{.name = "greedy", .per_second = greedy * kCapacity},
                                {.name = "modest", .per_second = 0.3 * kCapacity}});
    EXPECT_LE(seen["modest"].refusals(), seen["modest"].came / 30) << greedy;
    EXPECT_LE(seen["modest"].wait_of(0.95), kBound);
    EXPECT_GT(seen["greedy"].refused["share"], 0);
    EXPECT_GE(static_cast<double>(seen["greedy"].good()), 0.6 * kCapacity * 60);
  }
}

TEST(AdmissionSimulation, GreedyKeysGetTheSame) {
  Simulation simulation(kLanes, kUsual);
  auto seen = simulation.run({{.name = "a", .per_second = 2 * kCapacity},
                              {.name = "b", .per_second = 4 * kCapacity},
                              {.name = "c", .per_second = 8 * kCapacity}});
  const auto least = static_cast<double>(seen["a"].good());
  EXPECT_GE(least, 0.28 * kCapacity * 60);
  EXPECT_LE(static_cast<double>(seen["c"].good()), 1.25 * least);
}

TEST(AdmissionSimulation, HighPriorityIsAnsweredAtOnceAndLowTakesWhatIsLeft) {
  Simulation simulation(kLanes, kUsual);
  auto seen =
      simulation.run({{.name = "high", .per_second = 20, .priority = Priority::kHigh},
                      {.name = "normal", .per_second = 5 * kCapacity},
                      {.name = "low", .per_second = kCapacity, .priority = Priority::kLow}});
  EXPECT_EQ(seen["high"].refusals(), 0);
  EXPECT_LE(seen["high"].wait_of(0.95), 0.2);
  EXPECT_LE(seen["normal"].wait_of(0.95), kBound);
  EXPECT_LE(seen["low"].ended, seen["low"].came / 20);
  EXPECT_GE(static_cast<double>(seen["normal"].good() + seen["high"].good()), 0.9 * kCapacity * 60);
}

TEST(AdmissionSimulation, NobodyWaitsForBulk) {
  Simulation simulation(kLanes, kUsual);
  auto seen = simulation.run({{.name = "bulk", .per_second = 5 * kCapacity, .bulk = true},
                              {.name = "people", .per_second = 0.5 * kCapacity}});
  EXPECT_EQ(seen["people"].refusals(), 0);
  EXPECT_LE(seen["people"].wait_of(0.95), 0.2);
  EXPECT_GE(static_cast<double>(seen["bulk"].ended), 0.4 * kCapacity * 60);
}

TEST(AdmissionSimulation, WhoCannotWaitIsRefusedAtOnce) {
  Simulation simulation(kLanes, kUsual);
  auto seen = simulation.run({{.name = "patient", .per_second = 5 * kCapacity},
                              {.name = "hasty", .per_second = 5, .deadline_seconds = 0.5}});
  EXPECT_GE(seen["hasty"].refused["queue"], seen["hasty"].came * 9 / 10);
  Simulation calm(kLanes, kUsual);
  auto quiet = calm.run({{.name = "patient", .per_second = 0.5 * kCapacity},
                         {.name = "hasty", .per_second = 5, .deadline_seconds = 0.5}});
  EXPECT_EQ(quiet["hasty"].refusals(), 0);
}

TEST(AdmissionSimulation, AfterACrowdItIsAsBefore) {
  Simulation simulation(kLanes, kUsual);
  auto seen = simulation.run({{.name = "crowd", .per_second = 5 * kCapacity, .until = 20},
                              {.name = "later", .per_second = 60, .from = 30, .until = 60}});
  EXPECT_EQ(seen["later"].refusals(), 0);
  EXPECT_LE(seen["later"].wait_of(0.95), 0.2);
}

}  // namespace
}  // namespace accel::server
