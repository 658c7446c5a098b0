// A backend whose doings are logged: what it compiles and imports, how long that takes, and why it
// does not.
#pragma once

#include <memory>

#include "backend/backend.h"
#include "base/log.h"

namespace accel::engine {

// As `backend`.
std::shared_ptr<const backend::Backend> logged(std::shared_ptr<const backend::Backend> backend,
                                               std::shared_ptr<const Log> log);

}  // namespace accel::engine
