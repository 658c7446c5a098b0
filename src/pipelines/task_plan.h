// TaskPlan: a task at a model, ready to run: what all its items have in common.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "accel/engine.h"
#include "pipelines/row_memory.h"
#include "pipelines/task.h"
#include "runtime/batcher.h"
#include "runtime/session_pool.h"

namespace accel::pipelines {

// A compiled graph, for the rows that have one of its inputs.
struct TaskGraph {
  std::vector<std::string> inputs;
  std::shared_ptr<runtime::SessionPool> pool;  // of streams
  // Of single items, by the route that the pool's rules give a row.
  std::vector<std::shared_ptr<runtime::Batcher>> batchers;
  std::function<void()> after_batch = {};  // of streams: cheap, from any thread; may be empty
};

struct TaskPlan {
  const Task* task = nullptr;  // of the list
  std::shared_ptr<const TaskModel> model;
  std::vector<TaskGraph> graphs;  // the task's own, in its order, at least one
  std::shared_ptr<RowMemory> memory = std::make_shared<RowMemory>();
  std::shared_ptr<const RunReport> report;

  // The graph that `row` goes through; null: it has an input of none.
  const TaskGraph* graph_of(const runtime::Row& row) const;
};

}  // namespace accel::pipelines
