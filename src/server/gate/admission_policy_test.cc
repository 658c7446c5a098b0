#include "server/gate/admission_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/gate.h"

namespace accel::server {
namespace {

using testing::HasSubstr;

const AdmissionLimits kTen{.requests_max = 10, .queue_seconds_max = 5, .body_bytes_max = 1000};
// A hundred answers in a second, of requests that take a tenth of one and wait for two.
constexpr Speed kBusy{.per_second = 100, .waited_seconds = 2, .work_seconds = 0.1};
const AdmissionLimits kRoomy{.requests_max = 100'000, .queue_seconds_max = 5};

std::string_view reason(const AdmissionLimits& limits, const House& house,
                        const Newcomer& newcomer = {}) {
  return decide(limits, house, newcomer).reason;
}

TEST(AdmissionPolicy, AnEmptyHouseTakesEverybody) {
  for (const Priority one : {Priority::kLow, Priority::kNormal, Priority::kHigh}) {
    EXPECT_EQ(reason({.requests_max = 1}, {}, {.priority = one}), "");
  }
}

TEST(AdmissionPolicy, TheLastPlacesAreForHighPriority) {
  const auto most = [](Priority priority) {  // places that may be taken so that one more comes in
    uint64_t taken = 0;
    while (reason(kTen, {.places_taken = taken}, {.priority = priority}).empty()) ++taken;
    return taken;
  };
  EXPECT_EQ(most(Priority::kLow), 7);
  EXPECT_EQ(most(Priority::kNormal), 9);
  EXPECT_EQ(most(Priority::kHigh), 10);
  EXPECT_EQ(reason(kTen, {.places_taken = 7}, {.priority = Priority::kLow}), refused::kPriority);
  const Decision full = decide(kTen, {.places_taken = 10}, {.priority = Priority::kHigh});
  EXPECT_EQ(full.reason, refused::kFull);
  EXPECT_EQ(full.retry_seconds, 1);
  EXPECT_EQ(full.why, "expected at most 10 requests under way, found as many");
}

TEST(AdmissionPolicy, AShareCountsOnceHalfIsTaken) {
  EXPECT_EQ(reason(kTen, {.places_taken = 5, .visitors = 2, .held = 5}), "");
  EXPECT_EQ(reason(kTen, {.places_taken = 6, .visitors = 2, .held = 5}), refused::kShare);
  EXPECT_EQ(reason(kTen, {.places_taken = 6, .visitors = 2, .held = 4}), "");
  EXPECT_EQ(reason(kTen, {.places_taken = 8, .visitors = 1, .held = 8}), "");
  EXPECT_EQ(reason(kTen, {.places_taken = 8, .visitors = 100, .held = 0}), "");  // one for each
  EXPECT_THAT(decide(kTen, {.places_taken = 6, .visitors = 2, .held = 5}, {.visitor = "a"}).why,
              HasSubstr("expected at most 5 requests of 'a' under way, a fair share while 2 keys "
                        "ask, found 5"));
}

TEST(AdmissionPolicy, AKeysOwnLimitsAreItsOwnFault) {
  const Newcomer newcomer{.visitor = "a",
                          .limits = {.requests_per_second = 2, .burst = 2, .concurrent = 3}};
  const Decision rate = decide(kTen, {.rate_seconds = 0.4}, newcomer);
  EXPECT_EQ(rate.reason, refused::kRate);
  EXPECT_EQ(rate.retry_seconds, 0.4);
  EXPECT_EQ(rate.why, "expected at most 2 requests in a second of 'a', found more");
  EXPECT_EQ(reason(kTen, {.tokens_seconds = 30}, newcomer), refused::kRate);
  EXPECT_EQ(reason(kTen, {.held = 3}, newcomer), refused::kConcurrency);
  EXPECT_EQ(reason(kTen, {.held = 2}, newcomer), "");
  EXPECT_EQ(reason(kTen, {.places_taken = 10, .held = 3}, newcomer), refused::kConcurrency);
}

TEST(AdmissionPolicy, BodiesHaveABoundTogether) {
  EXPECT_EQ(reason(kTen, {.body_bytes = 600}, {.body_bytes = 400}), "");
  EXPECT_EQ(reason(kTen, {.body_bytes = 600}, {.body_bytes = 401}), refused::kBytes);
  EXPECT_EQ(reason(kTen, {.body_bytes = 1}, {.body_bytes = UINT64_MAX}), refused::kBytes);
  EXPECT_EQ(reason(kTen, {.body_bytes = 0}, {.body_bytes = 5000}),
            "");  // its size is refused later
  EXPECT_EQ(reason(kTen, {.body_bytes = 5000}, {.body_bytes = 0}), "");
  EXPECT_EQ(reason(kTen, {.body_bytes = 5000}, {.body_bytes = 1}), refused::kBytes);
}

TEST(AdmissionPolicy, WhoWouldWaitForTooLongIsRefused) {
  EXPECT_EQ(reason(kRoomy, {.runs_before = 358, .speed = kBusy}), "");  // 0.7 of 5 s, and 0.1
  EXPECT_EQ(reason(kRoomy, {.runs_before = 360, .speed = kBusy}), refused::kQueue);
  const Decision late = decide(kRoomy, {.runs_before = 900, .speed = kBusy}, {});
  EXPECT_EQ(late.reason, refused::kQueue);
  EXPECT_NEAR(late.retry_seconds, 5.41, 0.02);
  EXPECT_THAT(late.why, HasSubstr("a wait of at most 5 s, as the server has it, found 900 requests "
                                  "before this one, of which 100 are answered in a second"));
  EXPECT_EQ(reason({.requests_max = 100'000, .queue_seconds_max = 0},
                   {.runs_before = 5000, .speed = kBusy}),
            "");
  EXPECT_EQ(reason(kRoomy, {.runs_before = 5000, .speed = kBusy}, {.runs = false}), "");
}

TEST(AdmissionPolicy, TheEstimateCountsOnlyWhereRequestsWait) {
  Speed idle = kBusy;  // answers as fast as it is asked, and could more
  idle.waited_seconds = 0.4;
  EXPECT_EQ(reason(kRoomy, {.runs_before = 5000, .speed = idle}), "");
  EXPECT_EQ(reason(kRoomy, {.runs_before = 5000}), "");  // nothing is known yet
  const Speed stuck{.per_second = 1e-9, .waited_seconds = 100, .work_seconds = 1};
  EXPECT_EQ(reason(kRoomy, {.runs_before = 0, .speed = stuck}), "");  // one is always let in
  EXPECT_EQ(reason(kRoomy, {.runs_before = 1, .speed = stuck}), refused::kQueue);
  EXPECT_EQ(decide(kRoomy, {.runs_before = 1, .speed = stuck}, {}).retry_seconds, 60);
}

TEST(AdmissionPolicy, WhatCanBeAnsweredInTimeIsShared) {
  const House half{.runs_before = 181, .visitors = 2, .held = 181, .speed = kBusy};
  EXPECT_EQ(reason(kRoomy, half), refused::kShare);
  EXPECT_EQ(reason(kRoomy, {.runs_before = 178, .visitors = 2, .held = 178, .speed = kBusy}), "");
}

TEST(AdmissionPolicy, AClientsOwnTimeIsABoundToo) {
  const House house{.runs_before = 100, .speed = kBusy};
  EXPECT_EQ(reason(kRoomy, house, {.deadline_seconds = 1.01}), "");
  const Decision late = decide(kRoomy, house, {.deadline_seconds = 0.9});
  EXPECT_EQ(late.reason, refused::kQueue);
  EXPECT_THAT(late.why, HasSubstr("as its X-Request-Timeout-Ms has it"));
  EXPECT_EQ(reason(kRoomy, house, {.deadline_seconds = 1e300}), "");
  EXPECT_EQ(reason(kRoomy, house, {.deadline_seconds = 0.05}), "");  // that is the engine's to say
  EXPECT_EQ(
      reason({.requests_max = 1000, .queue_seconds_max = 0}, house, {.deadline_seconds = 0.9}),
      refused::kQueue);
}

TEST(AdmissionPolicy, EveryReasonIsInTheList) {
  EXPECT_EQ(refused::kAll.size(), 11);
  for (const std::string_view one :
       {refused::kRate, refused::kConcurrency, refused::kFull, refused::kShare, refused::kPriority,
        refused::kQueue, refused::kBytes}) {
    EXPECT_THAT(refused::kAll, testing::Contains(one));
  }
}

}  // namespace
}  // namespace accel::server
