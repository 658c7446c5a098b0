#include "server/gate/admission.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <random>
#include <thread>
#include <vector>

#include "server/gate.h"

namespace accel::server {
namespace {

Clock::time_point at(double seconds) {
  return Clock::time_point() + std::chrono::hours(1) +
         std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

// The place, or a failed test.
Place taken(Admission& admission, const Newcomer& newcomer, double now) {
  auto entry = admission.take(newcomer, at(now));
  const auto* decision = std::get_if<Decision>(&entry);
  EXPECT_EQ(decision, nullptr) << decision->why;
  return decision == nullptr ? std::get<Place>(entry) : Place();
}

Decision refusal(Admission& admission, const Newcomer& newcomer, double now) {
  auto entry = admission.take(newcomer, at(now));
  const auto* decision = std::get_if<Decision>(&entry);
  EXPECT_NE(decision, nullptr);
  return decision == nullptr ? Decision() : *decision;
}

TEST(Admission, WhatIsTakenIsGivenBack) {
  Admission admission({.requests_max = 4});
  const Newcomer high{.visitor = "a", .priority = Priority::kHigh, .body_bytes = 10};
  std::vector<Place> places;
  for (int i = 0; i < 4; ++i) places.push_back(taken(admission, high, i));
  EXPECT_EQ(admission.state().requests, 4);
  EXPECT_EQ(admission.state().body_bytes, 40);
  EXPECT_EQ(admission.state().visitors, 1);
  EXPECT_EQ(refusal(admission, high, 4).reason, refused::kFull);
  for (const Place& place : places) admission.give_back(place, {}, at(5));
  EXPECT_EQ(admission.state().requests, 0);
  EXPECT_EQ(admission.state().body_bytes, 0);
  EXPECT_EQ(admission.state().speed.per_second, 0);  // nothing was answered
  admission.give_back(taken(admission, high, 6), {.answered = true, .waited = 0}, at(6.5));
  EXPECT_NEAR(admission.state().speed.work_seconds, 0.5, 1e-6);
}

TEST(Admission, ARateIsThatOfAllKeysOfAName) {
  Admission admission({});
  const Newcomer newcomer{.visitor = "a", .limits = {.requests_per_second = 2, .burst = 3}};
  for (int i = 0; i < 3; ++i) taken(admission, newcomer, 0);
  const Decision late = refusal(admission, newcomer, 0.1);
  EXPECT_EQ(late.reason, refused::kRate);
  EXPECT_NEAR(late.retry_seconds, 0.4, 1e-6);
  taken(admission, {.visitor = "b", .limits = newcomer.limits}, 0.1);
  taken(admission, newcomer, 0.5);
  EXPECT_EQ(refusal(admission, newcomer, 0.6).reason, refused::kRate);
}

TEST(Admission, WhoIsRefusedForWantOfRoomHasNotSpentHisRate) {
  Admission admission({.requests_max = 1});
  const Place other = taken(admission, {.visitor = "b"}, 0);
  const Newcomer newcomer{.visitor = "a", .limits = {.requests_per_second = 0.001, .burst = 1}};
  EXPECT_EQ(refusal(admission, newcomer, 0).reason, refused::kFull);
  admission.give_back(other, {}, at(0));
  taken(admission, newcomer, 0);
}

TEST(Admission, TokensAreChargedAfterwardsAndPaidBackByWaiting) {
  Admission admission({});
  const Newcomer newcomer{.visitor = "a", .limits = {.tokens_per_minute = 600}};
  const Place place = taken(admission, newcomer, 0);
  taken(admission, newcomer, 0);  // nobody knows yet what they cost
  admission.give_back(place, {.answered = true, .tokens = 1000}, at(1));
  const Decision debt = refusal(admission, newcomer, 1);
  EXPECT_EQ(debt.reason, refused::kRate);
  EXPECT_NEAR(debt.retry_seconds, 40.1, 1e-6);
  taken(admission, {.visitor = "b", .limits = newcomer.limits}, 1);
  EXPECT_EQ(refusal(admission, newcomer, 41).reason, refused::kRate);
  taken(admission, newcomer, 41.2);
}

TEST(Admission, WhoHasGoneLeavesNothingBehind) {
  Admission admission({.requests_max = 4});
  admission.give_back(taken(admission, {.visitor = "a"}, 0), {}, at(0));
  admission.give_back(taken(admission, {.visitor = "b"}, 9), {}, at(9));
  EXPECT_EQ(admission.state().visitors, 2);
  admission.give_back(taken(admission, {.visitor = "b"}, 12), {}, at(12));
  EXPECT_EQ(admission.state().visitors, 1);
  // Asked lately, so of four places two are kept for it.
  const Newcomer greedy{.visitor = "c"};
  for (int i = 0; i < 3; ++i) taken(admission, greedy, 13);
  EXPECT_EQ(refusal(admission, greedy, 13).reason, refused::kShare);
  taken(admission, greedy, 30);
}

TEST(Admission, TimeThatGoesBackIsNoTime) {
  Admission admission({});
  const Place place = taken(admission, {.visitor = "a"}, 10);
  admission.give_back(place, {.answered = true, .waited = 0}, at(5));
  EXPECT_EQ(admission.state().requests, 0);
  EXPECT_EQ(admission.state().speed.work_seconds, 0);
}

// Whatever comes and goes, the bounds hold and everything is given back.
TEST(Admission, HoldsItsBoundsForever) {
  const AdmissionLimits limits{.requests_max = 20, .queue_seconds_max = 1, .body_bytes_max = 1000};
  Admission admission(limits);
  std::mt19937 random(5);
  const auto below = [&](int limit) { return static_cast<int>(random() % limit); };
  std::vector<Place> places;
  double now = 0;
  for (int round = 0; round < 50'000; ++round) {
    now += below(100) * 0.001;
    if (!places.empty() && below(2) == 0) {
      const auto one = places.begin() + below(static_cast<int>(places.size()));
      admission.give_back(*one,
                          {.answered = below(4) > 0,
                           .waited = below(10) * 0.1,
                           .tokens = static_cast<uint64_t>(below(50))},
                          at(now));
      places.erase(one);
    } else {
      auto entry = admission.take({.visitor = std::string(1, static_cast<char>('a' + below(5))),
                                   .limits = {.concurrent = 15, .tokens_per_minute = 5000},
                                   .priority = static_cast<Priority>(below(3)),
                                   .bulk = below(3) == 0,
                                   .body_bytes = static_cast<uint64_t>(below(200)),
                                   .runs = below(5) > 0},
                                  at(now));
      if (auto* place = std::get_if<Place>(&entry)) places.push_back(*place);
    }
    const AdmissionState state = admission.state();
    ASSERT_EQ(state.requests, places.size());
    ASSERT_LE(state.requests, limits.requests_max);
    ASSERT_LE(state.body_bytes, limits.body_bytes_max);
    ASSERT_LE(state.visitors, 5);
  }
  for (const Place& place : places) admission.give_back(place, {}, at(now));
  EXPECT_EQ(admission.state().requests, 0);
  EXPECT_EQ(admission.state().body_bytes, 0);
}

TEST(Admission, ManyThreadsTakeAndGiveBack) {
  Admission admission({.requests_max = 8, .queue_seconds_max = 0});
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::vector<std::thread> visitors;
  for (int thread = 0; thread < 4; ++thread) {
    visitors.emplace_back([&, thread] {
      const Newcomer newcomer{.visitor = std::to_string(thread), .priority = Priority::kHigh};
      for (int i = 0; i < 2000; ++i) {
        auto entry = admission.take(newcomer, Clock::now());
        const auto* place = std::get_if<Place>(&entry);
        if (place == nullptr) continue;
        const int now = ++inside;
        int seen = most;
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        --inside;
        admission.give_back(*place, {.answered = true, .waited = 0}, Clock::now());
      }
    });
  }
  for (std::thread& visitor : visitors) visitor.join();
  EXPECT_LE(most, 8);
  EXPECT_EQ(admission.state().requests, 0);
}

}  // namespace
}  // namespace accel::server
