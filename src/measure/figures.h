// The figures of a recording. Pure.
#pragma once

#include "measure/runner.h"
#include "measure/statistics.h"

namespace accel::measure {

struct Figures {
  Summary latency_ms;
  Phases split_ms;         // means; their sum is latency_ms.avg
  double items_per_s = 0;  // items answered by the seconds from the begin to the last answer
  double tokens_per_s = 0;
  double padding = 0;  // share of the computed tokens that was thrown away
  // Of items per second in kSlices equal parts of that time; the items of a query count evenly over
  // its duration.
  Summary slices_items_per_s;
  Summary memory_mb;     // MiB resident while measuring
  double steady_mb = 0;  // the last reading
};
inline constexpr int kSlices = 20;

Figures figures_of(const Recording& recording);

// What a query takes, of queries one after the other whose items differ: the median of those with
// the same items, in the mean over all items. What disturbs some repeats does not count, and no
// items count more than others. 0 of no queries.
double typical_ms(const Recording& recording);

// In milliseconds, in the order in which the queries ended.
std::vector<double> latencies_ms(const Recording& recording);

}  // namespace accel::measure
