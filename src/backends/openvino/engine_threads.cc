#include "backends/openvino/engine_threads.h"

#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <memory>

#ifdef ACCEL_SANITIZE_THREAD
#include <sanitizer/tsan_interface.h>
#endif

namespace accel::backend {
namespace {

// ThreadSanitizer leaves this file's own code out (src/CMakeLists.txt): of TBB's bookkeeping it
// would see the half that the headers compile into it, and neither the other half nor its order,
// which are in the library. What it has to know is said with this: TBB orders a task after its
// caller, and the caller after its tasks.
class Handover {
 public:
#ifdef ACCEL_SANITIZE_THREAD
  void give() { __tsan_release(this); }
  void take() { __tsan_acquire(this); }
#else
  void give() {}
  void take() {}
#endif
};

void run_tasks(int tasks, const std::function<void(int)>& task) {
  Handover begun;
  Handover done;
  begun.give();
  tbb::parallel_for(
      0, tasks,
      [&](int i) {
        begun.take();
        task(i);
        done.give();
      },
      tbb::static_partitioner());
  done.take();
}

// A stream's own arena has room for its own threads only. One of each stream's thread is kept, for
// making one takes as long as a small product.
void run_beyond_the_stream(int tasks, const std::function<void(int)>& task) {
  thread_local std::unique_ptr<tbb::task_arena> wide;
  if (wide == nullptr || wide->max_concurrency() < tasks) {
    wide = std::make_unique<tbb::task_arena>(tasks);
  }
  wide->execute([&] { run_tasks(tasks, task); });
}

}  // namespace

kernels::Threads engine_threads() {
  return {.count = tbb::this_task_arena::max_concurrency(), .run = run_tasks};
}

Runs::Run::Run(Runs& runs, bool urgent) : runs_(runs), urgent_(urgent) {
  ++runs_.under_way_;
  if (!urgent_) ++runs_.patient_;
}

Runs::Run::~Run() {
  if (!urgent_) --runs_.patient_;
  --runs_.under_way_;
}

kernels::Threads SharedThreads::now(bool urgent) const {
  kernels::Threads own = engine_threads();
  if (runs == nullptr) return own;
  own.precedence = &runs->precedence();
  own.urgent = urgent;
  if (all <= own.count) return own;
  if (runs->alone()) {
    own.count = all;
    own.run = run_beyond_the_stream;
  } else if (own.urgent && !runs->all_urgent()) {
    own.lent = all - own.count;
    own.count = all;
  }
  return own;
}

}  // namespace accel::backend
