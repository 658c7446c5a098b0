// Work in stages on several threads, which meet between the stages without going to sleep: waking a
// thread takes as long as a small matrix product.
#pragma once

#include <functional>
#include <span>

#include "kernels/precedence.h"

namespace accel::kernels {

// Threads that a call may spread its work over. run() calls task(0) .. task(tasks - 1), each once
// and on any of its own threads, and returns when all have returned.
struct Threads {
  int count = 1;
  void (*run)(int tasks, const std::function<void(int)>& task) = nullptr;
  // With what other runs there are, and whether this one is urgent there; null: with none.
  Precedence* precedence = nullptr;
  bool urgent = false;
  int lent = 0;  // of `count`, those that only give way to an urgent run; run() knows the others
};

// task(0) .. task(tasks - 1) may run at the same time and in any order. They must not throw: the
// other threads would wait for ever.
struct Stage {
  int tasks = 1;
  std::function<void(int)> task;
};

// Runs the stages in order, each when all tasks of the one before have returned. Threads take tasks
// as they come, their own share first, so that the same rows stay in the same cache; one that comes
// late, or never, holds nobody up.
void run_stages(std::span<const Stage> stages, const Threads& threads);

}  // namespace accel::kernels
