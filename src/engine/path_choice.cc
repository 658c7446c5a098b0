#include "engine/path_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace accel::engine {
namespace {

constexpr size_t kFew = 10;

double seconds_of(const PathCost& cost, bool loaded, size_t items) {
  return (loaded ? 0 : cost.load_seconds) + static_cast<double>(items) * cost.seconds_per_item;
}

}  // namespace

PathChoice choose_path(const std::optional<PathCosts>& costs, const LoadedPaths& loaded,
                       size_t items) {
  if (!costs) {
    const bool few = items < kFew && !loaded.accelerated;
    return {few, fmt::format("not measured: {} items are {}", items,
                             few ? "few" : "worth the engine's preparation")};
  }
  const double local = seconds_of(costs->local, loaded.local, items);
  const double accelerated = seconds_of(costs->accelerated, loaded.accelerated, items);
  return {local < accelerated,
          fmt::format("measured: {} items take {:.3g} s locally, {:.3g} s accelerated", items,
                      local, accelerated)};
}

std::optional<size_t> items_to_accelerate(const PathCosts& costs) {
  const double gained = costs.local.seconds_per_item - costs.accelerated.seconds_per_item;
  const double owed = costs.accelerated.load_seconds - costs.local.load_seconds;
  if (owed <= 0) return gained >= 0 ? std::optional<size_t>(1) : std::nullopt;
  if (gained <= 0) return std::nullopt;
  return static_cast<size_t>(std::max(1.0, std::ceil(owed / gained)));
}

}  // namespace accel::engine
