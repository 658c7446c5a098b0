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
#include "models/foreign/roles.h"

namespace accel::models::foreign {

// Immutable to its users; safe from any thread.
class ForeignModel {
 public:
  // Looks at the header first: versions, sizes and places of the files with weights. What is wrong
  // there is refused before an engine opens anything. Then converts the graph.
  //
  // NOT_FOUND for a missing file of weights, INVALID_ARGUMENT for one outside the model's folder,
  // DATA_LOSS for broken or short files; UNIMPLEMENTED for versions that are not read, for graphs
  // that keep a state, and for operations without a conversion: all of them, with their nodes.
  static Result<std::shared_ptr<const ForeignModel>> open(const ForeignFile& file);

  Format format() const { return file_.format; }
  const std::filesystem::path& path() const { return file_.path; }
  // All that it is read from, those of weights included.
  const std::vector<std::filesystem::path>& files() const { return files_; }
  const std::vector<GraphPort>& inputs() const { return inputs_; }
  // That the file declares, but nothing in the graph needs.
  const std::vector<std::string>& unused_inputs() const { return unused_inputs_; }
  const std::vector<GraphPort>& outputs() const { return outputs_; }
  // How many numbers its constants have, by type: "f32", "i8".
  const std::map<std::string, uint64_t>& numbers() const { return numbers_; }
  // Inputs that are row numbers of a table, with the table's size.
  const std::vector<std::pair<std::string, int64_t>>& index_limits() const { return index_limits_; }

  // A graph that is the caller's own. One that is only looked at shares its constants with the one
  // kept here; else that one is given away, so that weights are in memory once, and the next call
  // converts again.
  Result<std::shared_ptr<ov::Model>> graph(bool only_looked_at) const;

 private:
  explicit ForeignModel(ForeignFile file) : file_(std::move(file)) {}
  Status describe_graph(const ov::Model& model);

  const ForeignFile file_;
  std::vector<std::filesystem::path> files_;
  std::vector<GraphPort> inputs_;
  std::vector<std::string> unused_inputs_;
  std::vector<GraphPort> outputs_;
  std::map<std::string, uint64_t> numbers_;
  std::vector<std::pair<std::string, int64_t>> index_limits_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<ov::Model> kept_;  // guarded by mutex_
};

}  // namespace accel::models::foreign
