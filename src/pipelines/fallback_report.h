// What a result says of a run that another place answered.
#pragma once

#include "accel/engine.h"
#include "runtime/fallback_session.h"

namespace accel::pipelines {

// Nothing for null: it ran where the model was loaded.
void tell_fallback(const runtime::RunFallback* fallback, RunReport& report);

}  // namespace accel::pipelines
