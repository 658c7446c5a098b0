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

kernels::Threads SharedThreads::now() const {
  kernels::Threads own = engine_threads();
  if (runs == nullptr || all <= own.count || !runs->alone()) return own;
  return {.count = all, .run = run_beyond_the_stream};
}

}  // namespace accel::backend
