// What the steps of a program take: a stopwatch that is only there when somebody profiles.
//
// Threads meet at the end of each stage, so the time between two meetings belongs to the steps of
// that stage; where several run at the same time, each has a share by how long threads were busy
// with it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "base/stopwatch.h"
#include "kernels/stages.h"

namespace accel::kernels {

// Totals of a program; safe from any thread.
class StepTotals {
 public:
  explicit StepTotals(size_t steps) : ns_(steps) {}
  void add(size_t step, double seconds);
  std::vector<double> seconds() const;

 private:
  std::vector<std::atomic<int64_t>> ns_;
};

// One run. The stages that come out of watched() keep a pointer to it.
class RunWatch {
 public:
  // `stage`, which does work of `step`, with a stopwatch around its tasks. `number` counts the
  // stages of the run, and several may have the same.
  Stage watched(Stage stage, size_t number, size_t step);
  void begin() { began_ = Clock::now(); }
  // After the last stage.
  void add_to(StepTotals& totals) const;

 private:
  struct Part {
    size_t number;
    size_t step;
    std::atomic<int64_t> busy_ns = 0;
    std::atomic<int64_t> end_ns = 0;  // of its last task, since began_
  };
  std::deque<Part> parts_;  // none moves when another comes
  Clock::time_point began_;
};

}  // namespace accel::kernels
