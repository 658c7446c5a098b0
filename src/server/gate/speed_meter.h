// How fast requests are answered, and how long they waited for it. Pure; the time comes in.
#pragma once

#include <optional>

namespace accel::server {

// On average, lately.
struct Speed {
  double per_second = 0;      // answered, while there is something to answer; 0: not known yet
  double waited_seconds = 0;  // by a request, for others
  double work_seconds = 0;    // that a request takes beside
};

// Averages that forget. Not safe from several threads.
class SpeedMeter {
 public:
  // Time passed in which at least one request was under way. Time in which none was says nothing
  // of how fast they are answered.
  void pass(double seconds);
  // A request was answered `seconds` after it came, `waited` of which it spent behind others;
  // nothing where nobody has measured that.
  void answered(double seconds, std::optional<double> waited);

  Speed speed() const;

 private:
  double per_second() const;
  double remembered_seconds() const;

  double answered_per_second_ = 0;  // weighed by `weight_`
  double weight_ = 0;               // towards 1, as time passes
  double waited_ = 0;               // by the last few
  double usually_waited_ = 0;       // by more of them
  double usually_took_ = 0;
  double count_ = 0;  // of requests, as far as it matters
};

}  // namespace accel::server
