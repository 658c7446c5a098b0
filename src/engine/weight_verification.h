// Looking at every weight of a model once: for damage that no header shows.
#pragma once

#include "accel/engine.h"
#include "accel/status.h"
#include "models/model_folder.h"

namespace accel::engine {

// The tensors of the folder and of its sentence modules that hold NaN or infinity. The errors of
// Checkpoint.
Result<VerifyReport> verify_weights(const models::ModelFolder& folder);

}  // namespace accel::engine
