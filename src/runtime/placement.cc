#include "runtime/placement.h"

#include <algorithm>
#include <limits>

namespace accel::runtime {
namespace {

double seconds_for(const InstanceLoad& instance, int64_t tokens) {
  return static_cast<double>(tokens) * instance.seconds_per_token;
}

// When an instance would be through with everything that waits, a batch of it at a time.
double drained(const InstanceLoad& instance, int64_t batch_tokens, int64_t waiting_tokens) {
  const double wait = instance.free > 0 ? 0 : instance.promised_seconds;
  return wait + std::max(seconds_for(instance, batch_tokens),
                         seconds_for(instance, waiting_tokens) / std::max(instance.sessions, 1));
}

// Whether the others together can do without it: one of them is through with all that waits before
// it would be with this batch.
bool too_slow(std::span<const InstanceLoad> instances, size_t index, int64_t batch_tokens,
              int64_t waiting_tokens) {
  const double own = seconds_for(instances[index], batch_tokens);
  for (size_t i = 0; i < instances.size(); ++i) {
    const InstanceLoad& other = instances[i];
    if (i == index || !other.usable || other.seconds_per_token == 0) continue;
    if (drained(other, batch_tokens, waiting_tokens) < own) return true;
  }
  return false;
}

double work_by_weight(const InstanceLoad& instance) {
  return instance.worked_seconds / instance.weight;
}

// How far an instance may be ahead of the one that has worked least for its weight: the batch that
// it is about to take.
bool ahead(std::span<const InstanceLoad> instances, size_t index, int64_t batch_tokens,
           int64_t waiting_tokens) {
  const InstanceLoad& own = instances[index];
  const double batch = seconds_for(own, batch_tokens) / own.weight;
  for (size_t i = 0; i < instances.size(); ++i) {
    const InstanceLoad& other = instances[i];
    if (i == index || !other.usable || other.weight <= 0) continue;
    if (work_by_weight(other) + batch >= work_by_weight(own)) continue;
    // One that would not take the batch anyway is not waited for.
    if (!too_slow(instances, i, batch_tokens, waiting_tokens)) return true;
  }
  return false;
}

}  // namespace

std::optional<size_t> place(std::span<const InstanceLoad> instances, int64_t batch_tokens,
                            int64_t waiting_tokens) {
  std::optional<size_t> best;
  double least = std::numeric_limits<double>::max();
  for (size_t i = 0; i < instances.size(); ++i) {
    const InstanceLoad& one = instances[i];
    if (!one.usable || one.free <= 0) continue;
    // What has not run yet is tried: there is no other way to learn its speed.
    if (one.seconds_per_token == 0) return i;
    if (too_slow(instances, i, batch_tokens, waiting_tokens)) continue;
    if (one.weight > 0 && ahead(instances, i, batch_tokens, waiting_tokens)) continue;
    const double cost = one.weight > 0
                            ? work_by_weight(one) + seconds_for(one, batch_tokens) / one.weight
                            : seconds_for(one, batch_tokens);
    if (cost >= least) continue;
    least = cost;
    best = i;
  }
  return best;
}

}  // namespace accel::runtime
