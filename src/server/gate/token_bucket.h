// A bucket that fills evenly and from which requests take. Pure; the time comes in.
#pragma once

#include "base/stopwatch.h"

namespace accel::server {

struct BucketLimit {
  double per_second = 0;  // 0: no bound
  double size = 0;        // what a full one holds
};

// Full at first. Taking never fails: a bucket may be in debt, and is then empty for longer.
class TokenBucket {
 public:
  // Until it holds `amount`, of which it holds as much as it can at most; 0: it does.
  double seconds_until(double amount, const BucketLimit& limit, Clock::time_point now) const;
  void take(double amount, const BucketLimit& limit, Clock::time_point now);
  bool full(const BucketLimit& limit, Clock::time_point now) const {
    return limit.per_second <= 0 || missing_at(limit, now) <= 0;
  }

 private:
  double missing_at(const BucketLimit& limit, Clock::time_point now) const;

  double missing_ = 0;  // of a full one, at `at_`
  Clock::time_point at_;
};

}  // namespace accel::server
