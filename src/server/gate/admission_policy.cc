#include "server/gate/admission_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "server/gate.h"

namespace accel::server {
namespace {

// Of all places. A tenth is enough for an operator and for the few that go first, and too little
// for others to miss it; low priority stops early enough that a burst of others finds room.
constexpr double kPlacesOfNormal = 0.9;
constexpr double kPlacesOfLow = 0.7;
// Of the wait that is allowed: what requests must have waited before the estimate counts. Under ten
// times what the machine can do, this much is seen about when the bound is reached.
constexpr double kWaitThatShows = 0.1;
// Of the bound on waiting: what is aimed at. Requests differ and the estimate lags, and with it
// nearly all, not half of them, are within the bound.
constexpr double kWaitAimedAt = 0.7;
// Seconds. Whoever comes again sooner finds the same, and places come free all the time.
constexpr double kRetryLeast = 1;
constexpr double kRetryMost = 60;

// Until so many more have ended.
double retry_after(uint64_t requests, const Speed& speed) {
  if (speed.per_second <= 0) return kRetryLeast;
  return std::clamp(static_cast<double>(requests) / speed.per_second, kRetryLeast, kRetryMost);
}

uint64_t part_of(uint64_t places, double part) {
  return static_cast<uint64_t>(std::ceil(static_cast<double>(places) * part));
}

// Whether requests wait, where `seconds` of it are allowed.
bool wait_shows(const Speed& speed, double seconds) {
  return speed.per_second > 0 && speed.waited_seconds >= kWaitThatShows * seconds;
}

// How many may be under way so that one more ends within `seconds`.
uint64_t answered_within(const Speed& speed, double seconds) {
  constexpr double kMost = 1e15;  // whatever a client calls its time
  return static_cast<uint64_t>(std::clamp(speed.per_second * seconds, 1.0, kMost));
}

class Decider {
 public:
  Decider(const AdmissionLimits& limits, const House& house, const Newcomer& newcomer)
      : limits_(limits), house_(house), newcomer_(newcomer) {}

  Decision decide() const {
    for (const auto part : {&Decider::own_limits, &Decider::bytes, &Decider::places,
                            &Decider::queue, &Decider::deadline}) {
      Decision decision = (this->*part)();
      if (!decision.admitted()) return decision;
    }
    return {};
  }

 private:
  Decision own_limits() const {
    if (house_.rate_seconds > 0) {
      return {refused::kRate, house_.rate_seconds,
              fmt::format("expected at most {} requests in a second of '{}', found more",
                          newcomer_.limits.requests_per_second, newcomer_.visitor)};
    }
    if (house_.tokens_seconds > 0) {
      return {refused::kRate, house_.tokens_seconds,
              fmt::format("expected at most {} tokens in a minute of '{}', found more",
                          newcomer_.limits.tokens_per_minute, newcomer_.visitor)};
    }
    if (newcomer_.limits.concurrent > 0 && house_.held >= newcomer_.limits.concurrent) {
      return {refused::kConcurrency, retry_after(1, house_.speed),
              fmt::format("expected at most {} requests of '{}' at a time, found as many under way",
                          newcomer_.limits.concurrent, newcomer_.visitor)};
    }
    return {};
  }

  // A body that is larger than all may be is not refused for ever: alone it comes in, and the bound
  // of a single one holds.
  Decision bytes() const {
    const uint64_t most = limits_.body_bytes_max;
    const bool fits =
        house_.body_bytes == 0 || newcomer_.body_bytes == 0 ||
        (newcomer_.body_bytes <= most && house_.body_bytes <= most - newcomer_.body_bytes);
    if (fits) return {};
    return {refused::kBytes, retry_after(1, house_.speed),
            fmt::format("expected at most {} bytes of bodies under way, found {} and {} more", most,
                        house_.body_bytes, newcomer_.body_bytes)};
  }

  Decision places() const {
    const uint64_t taken = house_.places_taken;
    const uint64_t all = limits_.requests_max;
    if (taken >= all) {
      return {refused::kFull, retry_after(taken - all + 1, house_.speed),
              fmt::format("expected at most {} requests under way, found as many", all)};
    }
    const uint64_t own = places_of(newcomer_.priority);
    if (taken >= own) {
      return {refused::kPriority, retry_after(taken - own + 1, house_.speed),
              fmt::format("{} of {} places are taken, and the others are kept for requests of a "
                          "higher priority than '{}'",
                          taken, all, to_string(newcomer_.priority))};
    }
    return share_of(taken, all);
  }

  Decision queue() const {
    const double wait = limits_.queue_seconds_max;
    if (!newcomer_.runs || wait <= 0 || !wait_shows(house_.speed, wait)) return {};
    const uint64_t places =
        answered_within(house_.speed, kWaitAimedAt * wait + house_.speed.work_seconds);
    if (house_.runs_before >= places) return too_long(places, wait, "the server");
    return share_of(house_.runs_before, places);
  }

  Decision deadline() const {
    if (!newcomer_.runs || !newcomer_.deadline_seconds) return {};
    const double within = *newcomer_.deadline_seconds;
    const double wait = within - house_.speed.work_seconds;
    if (wait <= 0 || !wait_shows(house_.speed, wait)) return {};
    const uint64_t places = answered_within(house_.speed, within);
    if (house_.runs_before < places) return {};
    return too_long(places, wait, "its X-Request-Timeout-Ms");
  }

  Decision too_long(uint64_t places, double wait, std::string_view whose) const {
    return {refused::kQueue, retry_after(house_.runs_before - places + 1, house_.speed),
            fmt::format("expected a wait of at most {:.3g} s, as {} has it, found {} requests "
                        "before this one, of which {:.3g} are answered in a second",
                        wait, whose, house_.runs_before, house_.speed.per_second)};
  }

  // A fair share, once it matters.
  Decision share_of(uint64_t taken, uint64_t places) const {
    const uint64_t share = std::max<uint64_t>(1, places / std::max<uint64_t>(1, house_.visitors));
    if (taken <= places / 2 || house_.held < share) return {};
    return {refused::kShare, retry_after(house_.held - share + 1, house_.speed),
            fmt::format("expected at most {} requests of '{}' under way, a fair share while {} "
                        "keys ask, found {}",
                        share, newcomer_.visitor, house_.visitors, house_.held)};
  }

  uint64_t places_of(Priority priority) const {
    switch (priority) {
      case Priority::kLow: return part_of(limits_.requests_max, kPlacesOfLow);
      case Priority::kNormal: return part_of(limits_.requests_max, kPlacesOfNormal);
      case Priority::kHigh: break;
    }
    return limits_.requests_max;
  }

  const AdmissionLimits& limits_;
  const House& house_;
  const Newcomer& newcomer_;
};

}  // namespace

Decision decide(const AdmissionLimits& limits, const House& house, const Newcomer& newcomer) {
  return Decider(limits, house, newcomer).decide();
}

}  // namespace accel::server
