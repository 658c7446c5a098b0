// Where a model runs in worker processes.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "accel/engine.h"
#include "backend/backend.h"
#include "runtime/device_set.h"

namespace accel::engine {

// What `options` ask for; cores of the CPU are bound only in a worker process. Pure.
Isolation isolation_of(const LoadOptions& options, const runtime::ResolvedDevices& devices);

struct Isolated {
  Isolation isolation = Isolation::kThread;
  std::string name;                 // of the backend
  std::filesystem::path cache_dir;  // worker processes keep their graphs' files there
  std::function<void(const std::string& line)> on_hang;  // of a run in a thread that was given up
};

// `inner` as runs of `how` need it, with LoadOptions::hang_seconds. INVALID_ARGUMENT for seconds
// that are none; UNAVAILABLE where a process is asked for and accel-worker is not installed.
Result<std::shared_ptr<const backend::Backend>> isolated(
    std::shared_ptr<const backend::Backend> inner, Isolated how,
    std::optional<double> hang_seconds);

}  // namespace accel::engine
