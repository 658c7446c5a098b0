// Which precision is fastest for a model on this machine: measured, because on some CPUs bf16 runs
// at half the speed of f32 and on others at twice.
#pragma once

#include <string>

#include "accel/engine.h"

namespace accel::engine {

// Loads the model in each precision the device offers, embeds a few built-in sentences of mixed
// length in interleaved rounds until `seconds` have passed, and compares with f32.
Result<MeasureReport> measure_precisions(Engine& engine, const std::string& path,
                                         const std::string& device, double seconds);

}  // namespace accel::engine
