#include "server/gate/speed_meter.h"

#include <algorithm>
#include <cmath>

namespace accel::server {
namespace {

// How many requests make a mean: few, to see soon that they wait, and more where it is about what
// they are like.
constexpr double kLately = 16;
constexpr double kUsually = 64;
// What the rate remembers: seconds, and of slow requests so many.
constexpr double kSeconds = 3;
constexpr double kRequests = 32;

}  // namespace

double SpeedMeter::per_second() const { return weight_ > 0 ? answered_per_second_ / weight_ : 0; }

double SpeedMeter::remembered_seconds() const {
  const double rate = per_second();
  return rate > 0 ? std::max(kSeconds, kRequests / rate) : kSeconds;
}

void SpeedMeter::pass(double seconds) {
  const double kept = std::exp(-seconds / remembered_seconds());
  answered_per_second_ *= kept;
  weight_ = weight_ * kept + (1 - kept);
}

void SpeedMeter::answered(double seconds, std::optional<double> waited) {
  answered_per_second_ += 1 / remembered_seconds();
  if (!waited) return;
  count_ = std::min(count_ + 1, kUsually);
  waited_ += (*waited - waited_) / std::min(count_, kLately);
  usually_waited_ += (*waited - usually_waited_) / count_;
  usually_took_ += (seconds - usually_took_) / count_;
}

Speed SpeedMeter::speed() const {
  return {.per_second = per_second(),
          .waited_seconds = waited_,
          .work_seconds = std::max(0.0, usually_took_ - usually_waited_)};
}

}  // namespace accel::server
