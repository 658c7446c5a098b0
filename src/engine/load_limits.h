// Whether a model may be loaded at all, before anything of it is.
#pragma once

#include <cstdint>
#include <string>

#include "accel/engine.h"

namespace accel::engine {

struct MemoryBound {
  uint64_t bytes_max = 0;  // 0: none
  Precision precision = Precision::kF32;
  size_t copies = 1;  // devices of a set hold the weights each
};

// What the weights take; RESOURCE_EXHAUSTED, with both figures and what to do, for more than the
// bound. Pure.
Result<uint64_t> admitted_bytes(const ModelReport& report, const MemoryBound& bound);

}  // namespace accel::engine
