// Runs that somebody waits for go before those that nobody waits for: the threads of the latter
// come between two of their tasks and work for the former. So neither has to be cut short, and a
// thread that is busy changes sides without the system's help, which takes longer than a small
// product.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>

namespace accel::kernels {

// Safe from any thread.
class Precedence {
 public:
  // For an urgent run. Calls own() here and, at the same time, task(first) .. task(last - 1), each
  // at most once and on threads that give way meanwhile: perhaps on none, so own() must be able to
  // do all of the work. Returns when own() and all that were called have returned.
  void run_urgent(const std::function<void()>& own, int first, int last,
                  const std::function<void(int)>& task);

  // For the others, between two tasks. Works for the urgent runs that are under way, or waits where
  // these have threads enough, until they are over; does not stay for those that begin meanwhile,
  // so that every run gets on. Costs the load of an atomic while there are none.
  void give_way() {
    if (under_way_.load(std::memory_order_relaxed) > 0) work_for_urgent();
  }

 private:
  struct Call {
    uint64_t number;
    const std::function<void(int)>* task;
    int next;  // task that nobody has begun
    int last;
    int inside = 0;  // threads that work for it
  };

  void work_for_urgent();

  std::atomic<int> under_way_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_:
  std::list<Call> calls_;
  uint64_t next_number_ = 0;
};

}  // namespace accel::kernels
