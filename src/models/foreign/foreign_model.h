// ForeignModel: a model that comes as a graph (ONNX, OpenVINO IR, TensorFlow, TensorFlow Lite,
// Paddle), read through the engine's front ends after its header was looked at.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <openvino/core/model.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "accel/status.h"
#include "accel/tensor.h"
#include "models/foreign/format.h"
#include "models/foreign/graph_memory.h"
#include "models/foreign/roles.h"

namespace accel::models::foreign {

// Immutable to its users; safe from any thread.
class ForeignModel {
 public:
  // Looks at the header first: versions, sizes and places of the files with weights. What is wrong
  // there is refused before an engine opens anything. Then converts the graph, unless `memory`,
  // where there is one, knows what it takes and gives.
  //
  // NOT_FOUND for a missing file of weights, INVALID_ARGUMENT for one outside the model's folder,
  // DATA_LOSS for broken or short files; UNIMPLEMENTED for versions that are not read, for graphs
  // that keep a state, and for operations without a conversion: all of them, with their nodes.
  static Result<std::shared_ptr<const ForeignModel>> open(const ForeignFile& file,
                                                          const GraphMemory* memory = nullptr);

  Format format() const { return file_.format; }
  const std::filesystem::path& path() const { return file_.path; }
  // All that it is read from, those of weights included.
  const std::vector<std::filesystem::path>& files() const { return files_; }
  const std::vector<GraphPort>& inputs() const { return facts_.inputs; }
  const std::vector<std::string>& unused_inputs() const { return facts_.unused_inputs; }
  const std::vector<GraphPort>& outputs() const { return facts_.outputs; }
  const std::map<std::string, uint64_t>& numbers() const { return facts_.numbers; }
  const std::vector<std::pair<std::string, int64_t>>& index_limits() const {
    return facts_.index_limits;
  }

  // A graph that is the caller's own. One that is only looked at shares its constants with the one
  // kept here; else that one is given away, so that weights are in memory once, and the next call
  // converts again.
  Result<std::shared_ptr<ov::Model>> graph(bool only_looked_at) const;

 private:
  explicit ForeignModel(ForeignFile file) : file_(std::move(file)) {}

  const ForeignFile file_;
  std::vector<std::filesystem::path> files_;
  GraphFacts facts_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<ov::Model> kept_;  // guarded by mutex_
};

}  // namespace accel::models::foreign
