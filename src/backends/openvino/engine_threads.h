// The engine's threads, for kernels that run inside it.
#pragma once

#include "kernels/stages.h"

namespace accel::backend {

// Those of the stream that is calling: as many as the engine gave it.
kernels::Threads engine_threads();

}  // namespace accel::backend
