#include "measure/rounds.h"

#include <utility>

#include "base/stopwatch.h"
#include "base/try.h"

namespace accel::measure {
namespace {

Result<double> timed_round(bool together, std::span<const TaskInput> items, const Call& call,
                           RunReport& report) {
  const size_t step = together ? items.size() : 1;
  const auto began = Clock::now();
  for (size_t i = 0; i < items.size(); i += step) {
    ACCEL_ASSIGN(Reply reply, call(items.subspan(i, step)));
    report = std::move(reply.report);
  }
  return seconds_since(began);
}

}  // namespace

Result<PairedTimes> run_pairs(const RoundPlan& plan, std::span<const TaskInput> items,
                              const Call& first, const Call& second) {
  PairedTimes times;
  const auto round = [&](bool of_first) {
    return timed_round(plan.together, items, of_first ? first : second,
                       of_first ? times.first_report : times.second_report);
  };
  ACCEL_TRY(round(true).status());
  ACCEL_TRY(round(false).status());
  for (int pair = 0; pair < plan.pairs; ++pair) {
    for (const bool of_first : {pair % 2 == 0, pair % 2 != 0}) {
      ACCEL_ASSIGN(const double seconds, round(of_first));
      (of_first ? times.first : times.second).push_back(seconds);
    }
  }
  return times;
}

}  // namespace accel::measure
