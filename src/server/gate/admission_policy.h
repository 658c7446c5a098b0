// Whether a request may come in now. Pure: a function of what is under way and of who asks.
//
// A server that takes more than it can answer answers nobody in time: what it takes waits until its
// client has left. So a request is refused at once when it would wait for too long, and those that
// are taken keep the machine busy all the same.
//
// * How long it would wait is estimated: those under way before it, divided by how many are
//   answered in a second, less what a request takes that does not wait. That is true of a machine
//   that can do no more. One that could answers no faster than it is asked, so the estimate counts
//   only while requests were seen to wait.
// * Places, and what can be answered within the wait, are shared: while more than half is taken,
//   nobody holds more than the same part of it as everybody else who asks.
// * The last places are for those of high priority, and those of low priority leave some to all
//   others. Those of a lower priority run later, and so does bulk: they are no wait.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/gate/speed_meter.h"
#include "server/keys/key.h"

namespace accel::server {

struct AdmissionLimits {
  uint64_t requests_max = 1024;          // under way
  double queue_seconds_max = 5;          // that a request waits; 0: no bound
  uint64_t body_bytes_max = 1ULL << 30;  // of the bodies of all requests under way
};

struct Newcomer {
  std::string visitor;
  KeyLimits limits;
  Priority priority = Priority::kNormal;
  bool bulk = false;
  uint64_t body_bytes = 0;
  std::optional<double> deadline_seconds;  // after which nobody waits for the answer
  bool runs = true;                        // a model, for which it may have to wait
};

// What is under way when somebody asks.
struct House {
  uint64_t places_taken = 0;
  uint64_t runs_before = 0;  // that run a model, without those that would run after the new one
  uint64_t body_bytes = 0;
  uint64_t visitors = 1;      // who hold places or asked for some lately, with the one who asks
  uint64_t held = 0;          // places of the one who asks
  double rate_seconds = 0;    // until the rate of the one who asks allows a request
  double tokens_seconds = 0;  // until its tokens do
  Speed speed;
};

struct Decision {
  std::string_view reason;  // one of refused::kAll; empty: come in
  double retry_seconds = 0;
  std::string why;

  bool admitted() const { return reason.empty(); }
};

Decision decide(const AdmissionLimits& limits, const House& house, const Newcomer& newcomer);

}  // namespace accel::server
