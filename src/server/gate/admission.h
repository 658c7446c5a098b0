// Who is in the house, and whether one more may come in.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <variant>

#include "base/stopwatch.h"
#include "server/gate/admission_policy.h"
#include "server/gate/speed_meter.h"
#include "server/gate/token_bucket.h"

namespace accel::server {

// What was taken, and is to be given back once.
struct Place {
  std::string visitor;
  uint64_t body_bytes = 0;
  std::optional<size_t> rank;  // among those that run a model; none: it runs none
  Clock::time_point since;
};

// What is known of a request when it has ended.
struct Outcome {
  bool answered = false;         // by a model
  std::optional<double> waited;  // seconds, for others; none: nobody has measured it
  uint64_t tokens = 0;           // whoever took more than allowed waits for it later
};

struct AdmissionState {
  uint64_t requests = 0;  // under way
  uint64_t body_bytes = 0;
  uint64_t visitors = 0;  // who hold places or asked for some lately
  Speed speed;
};

// Safe from any thread. It knows no clock: each call says what time it is.
class Admission {
 public:
  explicit Admission(const AdmissionLimits& limits) : limits_(limits) {}

  std::variant<Place, Decision> take(const Newcomer& newcomer, Clock::time_point now);
  void give_back(const Place& place, const Outcome& outcome, Clock::time_point now);

  AdmissionState state() const;

 private:
  struct Visiting {
    uint64_t held = 0;
    KeyLimits limits;  // as last asked with
    TokenBucket requests;
    TokenBucket tokens;
    Clock::time_point asked;
    bool counted = false;  // in visitors_
  };

  void advance(Clock::time_point now);
  void forget_the_gone();
  Visiting& visiting(const Newcomer& newcomer);
  House house_of(const Newcomer& newcomer, const Visiting& visitor) const;

  const AdmissionLimits limits_;

  mutable std::mutex mutex_;  // guards all below
  std::map<std::string, Visiting, std::less<>> names_;
  uint64_t visitors_ = 0;
  uint64_t taken_ = 0;
  std::array<uint64_t, 6> running_{};  // that run models, by rank: greater ones run first
  uint64_t body_bytes_ = 0;
  SpeedMeter meter_;
  Clock::time_point now_;     // the latest that anybody said
  Clock::time_point tidied_;  // when forget_the_gone() last ran
};

}  // namespace accel::server
