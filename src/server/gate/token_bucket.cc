#include "server/gate/token_bucket.h"

#include <algorithm>
#include <chrono>

namespace accel::server {

double TokenBucket::missing_at(const BucketLimit& limit, Clock::time_point now) const {
  const double passed = std::chrono::duration<double>(now - at_).count();
  return std::max(0.0, missing_ - std::max(0.0, passed) * limit.per_second);
}

double TokenBucket::seconds_until(double amount, const BucketLimit& limit,
                                  Clock::time_point now) const {
  if (limit.per_second <= 0) return 0;
  const double held = limit.size - missing_at(limit, now);
  return std::max(0.0, std::min(amount, limit.size) - held) / limit.per_second;
}

void TokenBucket::take(double amount, const BucketLimit& limit, Clock::time_point now) {
  if (limit.per_second <= 0) return;
  missing_ = missing_at(limit, now) + amount;
  at_ = now;
}

}  // namespace accel::server
