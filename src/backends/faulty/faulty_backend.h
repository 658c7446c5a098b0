// A backend whose engine fails when it is told to; else it does what the one inside does.
#pragma once

#include <memory>
#include <vector>

#include "backend/backend.h"
#include "backends/faulty/fault_plan.h"

namespace accel::backend {

// Those of `faults` that are of `inner`'s name. Calls are counted by step over everything that the
// backend makes, from any thread.
std::shared_ptr<const Backend> make_faulty_backend(std::shared_ptr<const Backend> inner,
                                                   const std::vector<Fault>& faults);

}  // namespace accel::backend
