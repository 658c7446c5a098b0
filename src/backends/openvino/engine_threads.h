// The engine's threads, for kernels that run inside it.
#pragma once

#include <atomic>
#include <memory>

#include "kernels/stages.h"

namespace accel::backend {

// Those of the stream that is calling: as many as the engine gave it.
kernels::Threads engine_threads();

// How many runs are under way at this moment, of all models of a backend. Safe from any thread.
class Runs {
 public:
  class Run {
   public:
    explicit Run(Runs& runs) : runs_(runs) { ++runs_.under_way_; }
    ~Run() { --runs_.under_way_; }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

   private:
    Runs& runs_;
  };

  bool alone() const { return under_way_.load(std::memory_order_relaxed) <= 1; }

 private:
  std::atomic<int> under_way_ = 0;
};

// With two streams of a thread each, a single request would leave a core idle. So what begins while
// no other run is under way takes the threads of all streams of its model; what begins beside
// others takes its own stream's.
struct SharedThreads {
  std::shared_ptr<const Runs> runs;  // null: always those of the stream
  int all = 1;                       // of all streams of the model together

  kernels::Threads now() const;
};

}  // namespace accel::backend
