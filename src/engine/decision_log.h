// What was decided of a model that is ready, line by line, for the log.
#pragma once

#include "accel/engine.h"
#include "base/log.h"

namespace accel::engine {

// Of the log's debug level: model, device, precision, kernels, cache and fallback.
void log_decisions(const Log& log, const RunReport& report);

}  // namespace accel::engine
