#include "backends/openvino/engine_threads.h"

#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

namespace accel::backend {

kernels::Threads engine_threads() {
  return {.count = tbb::this_task_arena::max_concurrency(),
          .run = [](int tasks, const std::function<void(int)>& task) {
            tbb::parallel_for(
                0, tasks, [&](int i) { task(i); }, tbb::static_partitioner());
          }};
}

}  // namespace accel::backend
