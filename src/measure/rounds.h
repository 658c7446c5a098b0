// Two ways of doing the same, timed in turns.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "measure/runner.h"

namespace accel::measure {

struct PairedTimes {
  std::vector<double> first;  // seconds of each round
  std::vector<double> second;
  RunReport first_report;
  RunReport second_report;
};

struct RoundPlan {
  int pairs = 15;
  bool together = false;  // all items in one call, else one call for each
};

// A round answers all items once. Each side has one round to warm up; then the sides take turns,
// which of them begins alternating, so that what disturbs the machine meets both.
Result<PairedTimes> run_pairs(const RoundPlan& plan, std::span<const TaskInput> items,
                              const Call& first, const Call& second);

}  // namespace accel::measure
