#include "kernels/program_times.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace accel::kernels {
namespace {

int64_t ns_since(Clock::time_point began) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - began).count();
}

void raise(std::atomic<int64_t>& value, int64_t to) {
  int64_t seen = value;
  while (seen < to && !value.compare_exchange_weak(seen, to)) {
  }
}

}  // namespace

void StepTotals::add(size_t step, double seconds) {
  ns_[step] += static_cast<int64_t>(seconds * 1e9);
}

std::vector<double> StepTotals::seconds() const {
  std::vector<double> seconds;
  for (const std::atomic<int64_t>& ns : ns_) seconds.push_back(static_cast<double>(ns) * 1e-9);
  return seconds;
}

Stage RunWatch::watched(Stage stage, size_t number, size_t step) {
  Part& part = parts_.emplace_back(number, step);
  return {stage.tasks, [this, &part, task = std::move(stage.task)](int i) {
            const int64_t begin = ns_since(began_);
            task(i);
            const int64_t end = ns_since(began_);
            part.busy_ns += end - begin;
            raise(part.end_ns, end);
          }};
}

void RunWatch::add_to(StepTotals& totals) const {
  int64_t met = 0;  // when the stage before ended
  for (size_t first = 0; first < parts_.size();) {
    size_t next = first;
    int64_t busy = 0;
    int64_t end = met;
    for (; next < parts_.size() && parts_[next].number == parts_[first].number; ++next) {
      busy += parts_[next].busy_ns;
      end = std::max<int64_t>(end, parts_[next].end_ns);
    }
    for (size_t i = first; i < next && busy > 0; ++i) {
      const double share = static_cast<double>(parts_[i].busy_ns) / static_cast<double>(busy);
      totals.add(parts_[i].step, share * static_cast<double>(end - met) * 1e-9);
    }
    met = end;
    first = next;
  }
}

}  // namespace accel::kernels
