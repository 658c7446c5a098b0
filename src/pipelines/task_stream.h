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
#include "pipelines/task_plan.h"
#include "runtime/fallback_session.h"

namespace accel::pipelines {

struct TaskStreamOptions {
  TaskOptions task;  // checked
  int64_t batch_tokens = 320;
  int64_t batch_rows = 4;  // of rows without tokens
  int workers = 0;         // fewer than sessions of the first graph: as many as those
};

class PooledTaskStream : public TaskStream {
 public:
  // Starts the workers.
  PooledTaskStream(std::shared_ptr<const TaskPlan> plan, TaskStreamOptions options);
  ~PooledTaskStream() override;

  Status push(TaskInput input) override;
  void close() override;
  std::optional<Result<TaskResult>> next() override;
  void cancel() override;
  const TaskReport& task() const override { return task_report_; }
  RunReport report() const override;
  TaskTimes times() const override;

 private:
  struct Item {
    TaskInput input;  // read by the worker that took the item
    size_t bytes = 0;
    std::optional<Result<TaskResult>> result;
  };
  struct Group;
  using FallbackPtr = std::shared_ptr<const runtime::RunFallback>;

  void work();
  // Of inputs side by side: prepared, computed, answered.
  std::vector<Result<TaskResult>> run(std::span<TaskInput* const> inputs, TaskTimes& times,
                                      FallbackPtr& fallback);
  void prepare_all(std::span<TaskInput* const> inputs, Group& group) const;
  void run_all(Group& group);
  void run_all(const TaskGraph& graph, std::span<const uint32_t> rows, Group& group);
  void run_route(const TaskGraph& graph, size_t route, std::span<const uint32_t> rows,
                 Group& group);
  Status run_rows(const TaskGraph& graph, size_t route, std::span<const uint32_t> rows,
                  Group& group);

  const std::shared_ptr<const TaskPlan> plan_;
  const TaskReport task_report_;
  const TaskStreamOptions options_;

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
  FallbackPtr fallback_;  // the latest

  std::vector<std::thread> workers_;
};

}  // namespace accel::pipelines
