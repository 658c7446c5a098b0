// Numbers that are none: what a damaged file or a training run that blew up leaves in weights.
#pragma once

#include <cstdint>

#include "accel/tensor.h"

namespace accel::tensors {

struct NonFinite {
  uint64_t nan = 0;
  uint64_t infinite = 0;
};

// Of all elements; integers have none. Reads the tensor once.
NonFinite count_non_finite(const Tensor& tensor);

}  // namespace accel::tensors
