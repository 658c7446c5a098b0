// Triton's classification extension: the best classes of each row instead of all its numbers. Pure.
// docs/protocol/extension_classification.md in https://github.com/triton-inference-server/server
#pragma once

#include <cstdint>

#include "accel/status.h"
#include "accel/tensor.h"
#include "server/kserve/tensor_data.h"

namespace accel::server::kserve {

// Of each row of `tensor`, which is all along its first axis, the `classes` greatest numbers, the
// greatest first and of equals the first, as "VALUE:INDEX" with six digits behind the point:
// [rows, n] strings, where n is at most the size of a row. A tensor of one axis is one row: [n].
// INVALID_ARGUMENT for other than floating-point numbers.
Result<Strings> best_classes(const Tensor& tensor, int64_t classes);

}  // namespace accel::server::kserve
