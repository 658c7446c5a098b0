// A task over an endless input: items in, answers out in the same order.
//
// Each worker thread takes some items, prepares them, runs their rows on a session that is free and
// makes the answers, so that while one decodes or tokenises another computes. An item that fails
// has its error for an answer; the others know nothing of it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "accel/engine.h"
#include "pipelines/row_memory.h"
#include "pipelines/task.h"
#include "runtime/session_pool.h"

namespace accel::pipelines {

// A compiled graph, for the rows that have one of its inputs.
struct TaskGraph {
  std::vector<std::string> inputs;
  std::shared_ptr<runtime::SessionPool> pool;
};

struct TaskStreamOptions {
  TaskOptions task;
  RunReport report;
  int64_t batch_tokens = 320;
  int workers = 0;  // fewer than sessions of the first graph: as many as those
  std::function<void()> after_batch = {};  // cheap, from any worker; may be empty
};

class PooledTaskStream : public TaskStream {
 public:
  // `task` is of the list and `options.task` checked; `graphs` are its own, in its order, at least
  // one. Starts the workers.
  PooledTaskStream(const Task& task, std::shared_ptr<const TaskModel> model,
                   std::vector<TaskGraph> graphs, TaskStreamOptions options);
  ~PooledTaskStream() override;

  Status push(TaskInput input) override;
  void close() override;
  std::optional<Result<TaskResult>> next() override;
  void cancel() override;
  const TaskReport& task() const override { return task_report_; }
  const RunReport& report() const override { return options_.report; }
  TaskTimes times() const override;

 private:
  struct Item {
    TaskInput input;  // read by the worker that took the item
    size_t bytes = 0;
    std::optional<Result<TaskResult>> result;
  };
  struct Group;

  void work();
  // Of inputs side by side: prepared, computed, answered.
  std::vector<Result<TaskResult>> run(std::span<TaskInput* const> inputs, TaskTimes& times);
  void prepare_all(std::span<TaskInput* const> inputs, Group& group) const;
  void run_all(Group& group);
  void run_all(const TaskGraph& graph, std::span<const uint32_t> rows, Group& group);
  Status run_rows(const TaskGraph& graph, std::span<const uint32_t> rows, Group& group);
  const TaskGraph* graph_of(const runtime::Row& row) const;

  const Task& task_;
  const TaskReport task_report_;
  const std::shared_ptr<const TaskModel> model_;
  const std::vector<TaskGraph> graphs_;
  const TaskStreamOptions options_;
  RowMemory memory_;

  mutable std::mutex mutex_;
  std::condition_variable to_workers_;  // an item, or the end
  std::condition_variable to_caller_;   // an answer, room, or the end
  // Guarded by mutex_:
  std::deque<std::unique_ptr<Item>> items_;  // not handed out yet, in input order
  size_t taken_ = 0;                         // of these, by workers
  size_t bytes_ = 0;                         // of the inputs of items_
  bool closed_ = false;
  bool stopped_ = false;
  TaskTimes times_;

  std::vector<std::thread> workers_;
};

}  // namespace accel::pipelines
