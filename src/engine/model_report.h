// What a model is, as the public API tells it.
#pragma once

#include <optional>

#include "accel/engine.h"
#include "models/model_folder.h"

namespace accel::engine {

// The public facts of an opened folder, with the outputs of its graph for `head`; none: for what
// the folder says, or for the base where that is not built. Fails where the graph cannot be built.
Result<ModelReport> report_of(const models::ModelFolder& folder,
                              std::optional<models::Head> head = {});

}  // namespace accel::engine
