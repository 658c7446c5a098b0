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
  int64_t labels = 0;         // of classifiers
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

// What a checkpoint computes on top of its family's states.
enum class Head {
  kBase,                    // the states themselves, and the pooler's where it is stored
  kMaskedLm,                // logits [B, L, vocabulary]
  kSequenceClassification,  // logits [B, labels]
  kTokenClassification,     // logits [B, L, labels]
  kQuestionAnswering,       // start_logits and end_logits [B, L]
};
std::string_view to_string(Head head);  // the Hub's name of its task: "fill-mask"
// INVALID_ARGUMENT lists the names.
Result<Head> parse_head(std::string_view task);

// An output that a head always has; -1: free.
struct OutputSpec {
  std::string name;
  Shape shape;
};
std::vector<OutputSpec> outputs_of(Head head, const Facts& facts);

// A name of config.json's "architectures" and the head it stands for.
struct Architecture {
  std::string_view name;  // "BertForMaskedLM"
  Head head;
};

// What building needs and what it adds to.
struct BuildContext {
  const Json& config;
  Head head;
  Weights& weights;
  GraphInputs& inputs;
  // The states before the first layer and after each: the reference library's hidden_states.
  std::vector<Output> hidden_states = {};
};

struct Family {
  std::string_view model_type;                      // config.json's "model_type"
  std::string_view title;                           // "BERT"
  std::string_view reference;                       // the paper
  std::span<const Architecture> architectures;  // built here, the base first
  std::span<const InputSpec> inputs;
  std::span<const std::string_view> unused_weights;  // prefixes of tensors no head here reads
  Result<Facts> (*facts)(const Json& config);
  // The outputs of context.head under the reference library's names; of the base
  // "last_hidden_state" first.
  Result<std::vector<NamedOutput>> (*build)(BuildContext& context);
};

}  // namespace accel::models
