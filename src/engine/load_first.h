// Loading on the first candidate that can.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "accel/engine.h"
#include "runtime/fallback.h"

namespace accel::engine {

// Loads as one candidate says. `reason` is empty, or why it is not the one that was asked for:
// what RunReport::fallback_reason tells.
using LoadOn = std::function<Result<std::shared_ptr<Model>>(const runtime::Candidate& candidate,
                                                            const std::string& reason)>;

// Tries `candidates` in their order, as runtime::next_candidate() lets it. When none can, the error
// is that of the last one that was asked for, with what came of the fallbacks behind it.
Result<std::shared_ptr<Model>> load_first(std::span<const runtime::Candidate> candidates,
                                          const LoadOn& load);

}  // namespace accel::engine
