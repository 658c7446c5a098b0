// Whether the local path or the accelerated one is through first with some items: pure.
//
// The accelerated path takes longer to load a model, since its engine prepares kernels and packs
// weights, and less for each item.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "accel/reports.h"

namespace accel::engine {

// Which paths have the model loaded already.
struct LoadedPaths {
  bool local = false;
  bool accelerated = false;
};

struct PathChoice {
  bool local = false;
  std::string reason;  // in words, with the figures
};

// By the costs where they were measured, with a draw for the accelerated path. Else by the rule of
// thumb of the integration document: fewer than 10 items are local.
PathChoice choose_path(const std::optional<PathCosts>& costs, const LoadedPaths& loaded,
                       size_t items);

// From so many items on the accelerated path is through first with a model that is on neither;
// none: it never is.
std::optional<size_t> items_to_accelerate(const PathCosts& costs);

}  // namespace accel::engine
