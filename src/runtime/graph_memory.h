// GraphMemory: a graph's batches, run within a bound on the process's memory.
//
// An engine keeps a set of buffers for each batch that it runs at a time, as large as the largest
// so far, and has its threads share them out: the same thread finds the same set. So a batch that
// is the largest yet is let in only where there is room for one like it in every set: whether an
// item is taken does not depend on which thread it meets.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "accel/status.h"
#include "runtime/batch_memory.h"
#include "runtime/memory_room.h"

namespace accel::runtime {

// Safe from any thread.
class GraphMemory {
 public:
  // `at_a_time`: batches that the graph runs at the same time.
  GraphMemory(std::shared_ptr<MemoryRoom> room, int at_a_time);

  // How large a batch of rows of at most `tokens_of_row` may be, run by this thread: in tokens, or
  // in rows where tokens_of_row is 0. At least 1.
  int64_t largest(int64_t tokens_of_row) const;
  // Calls `run` when there is room for it, and learns what it took. RESOURCE_EXHAUSTED; what `run`
  // says.
  Status run(BatchWeight batch, const std::function<Status()>& run);

 private:
  double held_here() const;  // with mutex_ held

  const std::shared_ptr<MemoryRoom> room_;
  const int at_a_time_;
  mutable std::mutex mutex_;
  // Guarded by mutex_:
  BatchMemory memory_;
  double most_ = 0;                         // the weight of the largest batch so far
  std::map<std::thread::id, double> held_;  // of each thread
};

}  // namespace accel::runtime
