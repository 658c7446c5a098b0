// What a model will take of memory, and the manager of this engine's models.
#pragma once

#include <cstdint>

#include "accel/engine.h"
#include "accel/precision.h"

namespace accel::engine {

// Bytes of the weights when they are laid out to run in `precision`, kAuto as f32: numbers of f32,
// f16 or bf16 in that precision, integers as they are stored, unless some of them have to be
// unpacked: then all are counted as if. Pure.
uint64_t memory_needed(const ModelReport& report, Precision precision);

}  // namespace accel::engine
