#include "backends/openvino/engine_threads.h"

#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <atomic>

namespace accel::backend {
namespace {

// TBB orders a task after its caller and the caller after its tasks, by means that ThreadSanitizer
// does not see. This says the same in words that it does.
class Handover {
 public:
  void give() { turns_.fetch_add(1, std::memory_order_release); }
  void take() const { (void)turns_.load(std::memory_order_acquire); }

 private:
  std::atomic<int> turns_ = 0;
};

}  // namespace

kernels::Threads engine_threads() {
  return {.count = tbb::this_task_arena::max_concurrency(),
          .run = [](int tasks, const std::function<void(int)>& task) {
            Handover handover;
            handover.give();
            tbb::parallel_for(
                0, tasks,
                [&](int i) {
                  handover.take();
                  task(i);
                  handover.give();
                },
                tbb::static_partitioner());
            handover.take();
          }};
}

}  // namespace accel::backend
