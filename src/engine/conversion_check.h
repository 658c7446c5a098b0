// Whether a converted graph computes what its source does: both run once on the same inputs, one
// after the other, so that the engine's copy of only one graph's weights is in memory.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "accel/engine.h"
#include "backend/backend.h"
#include "base/files.h"
#include "engine/sample_inputs.h"

namespace accel::engine {

struct CheckedGraph {
  std::shared_ptr<const ov::Model> model;
  // Mapped files that its weights view: their pages are released again and again, for the engine
  // makes a copy in its own order.
  std::vector<std::shared_ptr<const MappedFile>> sources;
};

// `source` and `result` make the graphs when it is their turn. The errors of each output, in the
// order of the source's. Fails where a graph cannot be made or run.
Result<std::vector<OutputError>> compare_graphs(
    const backend::Backend& backend, const SampleLimits& limits,
    const std::function<Result<CheckedGraph>()>& source,
    const std::function<Result<CheckedGraph>()>& result);

// Of two outputs of the same shape. Numbers that are infinite or none in both count as equal; in
// one only, as infinitely wrong.
OutputError error_of(const NamedTensor& found, const NamedTensor& expected);

}  // namespace accel::engine
