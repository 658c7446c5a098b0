// The smallest proof that a backend computes: one dense layer.
#pragma once

#include <memory>
#include <string>

#include "backend/backend.h"

namespace accel::backend {

// y = x W with a constant W of 64 x 64: enough for an engine to choose its kernels.
std::shared_ptr<ov::Model> one_layer_model();

// Compiles a dense layer of 64 x 64 for `device`, runs one row, and checks the numbers and that
// they were computed in `precision`. Never fails: what goes wrong is false.
bool runs_one_layer(const Backend& backend, const std::string& device, Precision precision);

}  // namespace accel::backend
