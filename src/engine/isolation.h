// Where a model runs in worker processes.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "accel/engine.h"
#include "backend/backend.h"
#include "runtime/device_set.h"

namespace accel::engine {

// What `options` ask for; cores of the CPU are bound only in a worker process. Pure.
Isolation isolation_of(const LoadOptions& options, const runtime::ResolvedDevices& devices);

// `inner`, called `name`, in worker processes, which keep their graphs' files in `cache_dir`.
// UNAVAILABLE where accel-worker is not installed.
Result<std::shared_ptr<const backend::Backend>> in_worker_processes(
    std::shared_ptr<const backend::Backend> inner, const std::string& name,
    const std::filesystem::path& cache_dir, double hang_seconds);

}  // namespace accel::engine
