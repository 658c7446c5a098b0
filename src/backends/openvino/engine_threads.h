// The engine's threads, for kernels that run inside it.
#pragma once

#include <atomic>
#include <memory>

#include "kernels/precedence.h"
#include "kernels/stages.h"

namespace accel::backend {

// Those of the stream that is calling: as many as the engine gave it.
kernels::Threads engine_threads();

// The runs under way at this moment, of all models of a backend. Safe from any thread.
class Runs {
 public:
  // One of them, while it lives: urgent when somebody waits for it.
  class Run {
   public:
    Run(Runs& runs, bool urgent);
    ~Run();
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

   private:
    Runs& runs_;
    const bool urgent_;
  };

  bool alone() const { return under_way_.load(std::memory_order_relaxed) <= 1; }
  bool all_urgent() const { return patient_.load(std::memory_order_relaxed) == 0; }
  kernels::Precedence& precedence() { return precedence_; }

 private:
  std::atomic<int> under_way_ = 0;
  std::atomic<int> patient_ = 0;  // of them, those that are not urgent
  kernels::Precedence precedence_;
};

// With two streams of a thread each, a single request would leave a core idle. So what begins while
// no other run is under way takes the threads of all streams of its model; what begins beside
// others takes its own stream's, and if it is urgent those of the others that are not.
struct SharedThreads {
  std::shared_ptr<Runs> runs;  // null: always those of the stream
  int all = 1;                 // of all streams of the model together

  kernels::Threads now(bool urgent) const;
};

}  // namespace accel::backend
