// One item of a task, prepared, run with whatever else waits at its graphs, and answered.
#pragma once

#include <memory>

#include "accel/engine.h"
#include "pipelines/task_plan.h"

namespace accel::pipelines {

// Prepares on the calling thread; errors of
// preparing come back at once.
Result<std::unique_ptr<PendingItem>> submit_item(const TaskPlan& plan, TaskInput input,
                                                 const SubmitOptions& options);

// submit_item() and get(), without handing over to another thread where none has to be waited for.
Result<ItemResult> run_item(const TaskPlan& plan, TaskInput input, const SubmitOptions& options);

}  // namespace accel::pipelines
