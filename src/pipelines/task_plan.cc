#include "pipelines/task_plan.h"

namespace accel::pipelines {

const TaskGraph* TaskPlan::graph_of(const runtime::Row& row) const {
  for (const TaskGraph& graph : graphs) {
    for (const std::string& input : graph.inputs) {
      if (find(row.inputs, input) != nullptr) return &graph;
    }
  }
  return nullptr;
}

}  // namespace accel::pipelines
