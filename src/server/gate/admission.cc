#include "server/gate/admission.h"

#include <algorithm>
#include <chrono>
#include <numeric>

namespace accel::server {
namespace {

// Who has not asked for so long does not wait for a place.
constexpr std::chrono::seconds kAskedLately{10};
constexpr std::chrono::seconds kTidiesEvery{1};

BucketLimit request_limit(const KeyLimits& limits) {
  return {.per_second = limits.requests_per_second, .size = std::max(1.0, limits.burst)};
}

BucketLimit token_limit(const KeyLimits& limits) {
  constexpr double kSecondsOfMinute = 60;
  return {.per_second = limits.tokens_per_minute / kSecondsOfMinute,
          .size = limits.tokens_per_minute};
}

// What is bulk runs in the time that others leave, and the priorities of each in their order.
size_t rank_of(const Newcomer& newcomer) {
  constexpr size_t kPriorities = 3;
  return (newcomer.bulk ? 0 : kPriorities) + static_cast<size_t>(newcomer.priority);
}

}  // namespace

void Admission::advance(Clock::time_point now) {
  if (now <= now_) return;  // threads look at the clock before they wait for each other
  const bool busy = std::accumulate(running_.begin(), running_.end(), uint64_t{0}) > 0;
  if (busy) meter_.pass(std::chrono::duration<double>(now - now_).count());
  now_ = now;
  if (now_ - tidied_ >= kTidiesEvery) forget_the_gone();
}

// Whoever holds nothing and has not asked lately does not count, and is forgotten once nothing is
// owed.
void Admission::forget_the_gone() {
  tidied_ = now_;
  visitors_ = 0;
  for (auto at = names_.begin(); at != names_.end();) {
    Visiting& one = at->second;
    one.counted = one.held > 0 || now_ - one.asked <= kAskedLately;
    visitors_ += one.counted ? 1 : 0;
    const bool nothing_kept = !one.counted && one.requests.full(request_limit(one.limits), now_) &&
                              one.tokens.full(token_limit(one.limits), now_);
    at = nothing_kept ? names_.erase(at) : std::next(at);
  }
}

Admission::Visiting& Admission::visiting(const Newcomer& newcomer) {
  Visiting& visitor = names_[newcomer.visitor];
  visitor.limits = newcomer.limits;
  return visitor;
}

House Admission::house_of(const Newcomer& newcomer, const Visiting& visitor) const {
  const auto* first = running_.begin() + rank_of(newcomer);
  return {.places_taken = taken_,
          .runs_before = std::accumulate(first, running_.end(), uint64_t{0}),
          .body_bytes = body_bytes_,
          .visitors = visitors_ + (visitor.counted ? 0 : 1),
          .held = visitor.held,
          .rate_seconds = visitor.requests.seconds_until(1, request_limit(visitor.limits), now_),
          .tokens_seconds = visitor.tokens.seconds_until(1, token_limit(visitor.limits), now_),
          .speed = meter_.speed()};
}

std::variant<Place, Decision> Admission::take(const Newcomer& newcomer, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  advance(now);
  Visiting& visitor = visiting(newcomer);
  Decision decision = decide(limits_, house_of(newcomer, visitor), newcomer);
  visitor.asked = now_;
  if (!visitor.counted) ++visitors_;
  visitor.counted = true;
  if (!decision.admitted()) return decision;
  Place place{.visitor = newcomer.visitor, .body_bytes = newcomer.body_bytes, .since = now_};
  if (newcomer.runs) place.rank = rank_of(newcomer);
  visitor.requests.take(1, request_limit(visitor.limits), now_);
  ++visitor.held;
  ++taken_;
  if (place.rank) ++running_[*place.rank];
  body_bytes_ += newcomer.body_bytes;
  return place;
}

void Admission::give_back(const Place& place, const Outcome& outcome, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  advance(now);
  Visiting& visitor = names_.find(place.visitor)->second;  // there as long as it holds something
  visitor.tokens.take(static_cast<double>(outcome.tokens), token_limit(visitor.limits), now_);
  --visitor.held;
  --taken_;
  body_bytes_ -= place.body_bytes;
  if (!place.rank) return;
  --running_[*place.rank];
  if (!outcome.answered) return;
  meter_.answered(std::chrono::duration<double>(now_ - place.since).count(), outcome.waited);
}

AdmissionState Admission::state() const {
  const std::lock_guard lock(mutex_);
  return {.requests = taken_,
          .body_bytes = body_bytes_,
          .visitors = visitors_,
          .speed = meter_.speed()};
}

}  // namespace accel::server
