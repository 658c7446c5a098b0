// Family: one row per model family; everything accel knows about "bert" or "llama" is reached from
// here. A new family is one file in families/ and one line in families/families.cc.
#pragma once

#include <functional>
#include <memory>
#include <openvino/core/model.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accel/status.h"
#include "accel/tensor.h"
#include "base/json.h"
#include "models/weights.h"

namespace accel::models {

// One input a family's graph can take, under the reference library's name.
struct InputSpec {
  std::string_view name;
  DType dtype;
  Shape shape;    // -1: free
  bool optional;  // the graph can be built without it
};

// The sizes that the rest of the program needs to know about a checkpoint.
struct Facts {
  int64_t hidden_size = 0;
  int64_t layers = 0;
  int64_t vocabulary = 0;
  int64_t max_positions = 0;  // longest sequence; 0: no limit of the model's own
  // Inputs that are row numbers of a table, with the table's size: values must be below it.
  std::vector<std::pair<std::string, int64_t>> index_limits;
};

// Graph inputs on demand: a family calls take() for each input it uses; those the caller did not
// ask for come back empty and the family builds the shorter graph.
class GraphInputs {
 public:
  GraphInputs(std::span<const InputSpec> specs, std::vector<std::string> wanted);
  std::optional<Output> take(std::string_view name);
  const ov::ParameterVector& parameters() const { return parameters_; }

 private:
  std::span<const InputSpec> specs_;
  std::vector<std::string> wanted_;
  ov::ParameterVector parameters_;
};

struct NamedOutput {
  std::string name;
  Output value;
};

// What building needs and what it adds to.
struct BuildContext {
  const Json& config;
  std::string architecture;  // of config.json's "architectures", e.g. "BertModel"
  Weights& weights;
  GraphInputs& inputs;
};

struct Family {
  std::string_view model_type;                      // config.json's "model_type"
  std::string_view title;                           // "BERT"
  std::string_view reference;                       // the paper
  std::span<const std::string_view> architectures;  // built here
  std::span<const InputSpec> inputs;
  std::span<const std::string_view> unused_weights;  // prefixes of tensors no head here reads
  Result<Facts> (*facts)(const Json& config);
  // The graph's outputs under the reference library's names; "last_hidden_state" first.
  Result<std::vector<NamedOutput>> (*build)(BuildContext& context);
};

}  // namespace accel::models
