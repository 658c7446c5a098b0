#include "engine/isolation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "backends/process/process_backend.h"
#include "engine/installed_program.h"

namespace accel::engine {

Isolation isolation_of(const LoadOptions& options, const runtime::ResolvedDevices& devices) {
  const bool bound = std::ranges::any_of(
      devices.members, [](const runtime::DeviceMember& member) { return !member.cores.empty(); });
  return bound ? Isolation::kProcess : options.isolation;
}

Result<std::shared_ptr<const backend::Backend>> in_worker_processes(
    std::shared_ptr<const backend::Backend> inner, const std::string& name,
    const std::filesystem::path& cache_dir, double hang_seconds) {
  if (!std::isfinite(hang_seconds) || hang_seconds < 0) {
    return invalid_argument(
        fmt::format("hang_seconds: expected a number from 0 (never) on, found {}", hang_seconds));
  }
  const auto program = find_installed_program("accel-worker");
  if (!program) {
    return unavailable("accel-worker was not found beside accel, nor in lib/accel; install the "
                       "accel package again, or use isolation 'thread'");
  }
  return std::shared_ptr<const backend::Backend>(backend::make_process_backend(
      std::move(inner), name,
      {.program = *program, .scratch_folder = cache_dir.string(), .hang_seconds = hang_seconds}));
}

}  // namespace accel::engine
