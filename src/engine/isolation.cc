#include "engine/isolation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "backends/process/process_backend.h"
#include "backends/watched/watched_backend.h"
#include "engine/installed_program.h"

namespace accel::engine {

Isolation isolation_of(const LoadOptions& options, const runtime::ResolvedDevices& devices) {
  const bool bound = std::ranges::any_of(
      devices.members, [](const runtime::DeviceMember& member) { return !member.cores.empty(); });
  return bound ? Isolation::kProcess : options.isolation;
}

Result<std::shared_ptr<const backend::Backend>> isolated(
    std::shared_ptr<const backend::Backend> inner, Isolated how,
    std::optional<double> hang_seconds) {
  constexpr double kOfProcesses = 60;
  const double given = hang_seconds.value_or(0);
  if (!std::isfinite(given) || given < 0) {
    return invalid_argument(
        fmt::format("hang_seconds: expected a number from 0 (never) on, found {}", given));
  }
  if (how.isolation == Isolation::kThread) {
    if (given == 0) return inner;
    return backend::make_watched_backend(
        std::move(inner), {.hang_seconds = given, .on_hang = std::move(how.on_hang)});
  }
  const auto program = find_installed_program("accel-worker");
  if (!program) {
    return unavailable("accel-worker was not found beside accel, nor in lib/accel; install the "
                       "accel package again, or use isolation 'thread'");
  }
  return std::shared_ptr<const backend::Backend>(
      backend::make_process_backend(std::move(inner), std::move(how.name),
                                    {.program = *program,
                                     .scratch_folder = how.cache_dir.string(),
                                     .hang_seconds = hang_seconds.value_or(kOfProcesses)}));
}

}  // namespace accel::engine
