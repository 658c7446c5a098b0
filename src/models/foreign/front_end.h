// The engine's front ends: from the file of a foreign model to a graph.
#pragma once

#include <memory>
#include <openvino/core/model.hpp>

#include "accel/status.h"
#include "models/foreign/format.h"

namespace accel::models::foreign {

// UNIMPLEMENTED lists every operation that has no conversion, with the names of its nodes;
// UNAVAILABLE when the front end's library is missing; DATA_LOSS for what it cannot read.
Result<std::shared_ptr<ov::Model>> convert(const ForeignFile& file);

}  // namespace accel::models::foreign
