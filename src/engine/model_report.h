// What a model is, as the public API tells it.
#pragma once

#include <optional>
#include <span>

#include "accel/engine.h"
#include "models/model_folder.h"
#include "pipelines/task.h"

namespace accel::engine {

// What run() does unless told otherwise, with the head that is `wanted` or the folder's own; null:
// nothing. `inputs` are those of its graph.
const pipelines::Task* own_task_of(const models::ModelFolder& folder,
                                   std::optional<models::Head> wanted,
                                   std::span<const PortReport> inputs);

// The public facts of an opened folder, with the outputs of its graph for `head`; none: for what
// the folder says, or for the base where that is not built. Fails where the graph cannot be built.
Result<ModelReport> report_of(const models::ModelFolder& folder,
                              std::optional<models::Head> head = {});

}  // namespace accel::engine
