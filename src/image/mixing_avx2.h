// The inner loops of a resampling with AVX2: a register holds kLanes sums.
#pragma once

#include "image/mixing.h"

namespace accel::image {

// Null where the processor has no AVX2.
const Mixing* avx2_mixing();

}  // namespace accel::image
