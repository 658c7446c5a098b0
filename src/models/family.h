// Family: one row per model family; everything accel knows about "bert" or "llama" is reached from
// here. A new family is one file in families/ and one line in families/families.cc.
#pragma once

#include <functional>
#include <map>
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

// Whether a graph has an input when nobody names inputs.
enum class Needed { kAlways, kUsually, kOnRequest };

// One input a family's graph can take, under the reference library's name.
struct InputSpec {
  std::string_view name;
  DType dtype;
  Shape shape;  // -1: free. Facts::input_shapes says what depends on the config
  Needed needed = Needed::kAlways;
  std::string_view like = {};  // the input whose shape it has, too
};

// The sizes that the rest of the program needs to know about a checkpoint.
struct Facts {
  int64_t hidden_size = 0;
  int64_t layers = 0;
  int64_t vocabulary = 0;
  int64_t max_positions = 0;  // longest input_ids; 0: no limit of the model's own
  int64_t labels = 0;         // of classifiers
  // Inputs that are row numbers of a table, with the table's size: values must be below it.
  std::vector<std::pair<std::string, int64_t>> index_limits = {};
  bool negative_indices = false;  // -1 is the last row, in ONNX
  // Inputs besides input_ids whose second axis has a longest size.
  std::vector<std::pair<std::string, int64_t>> length_limits = {};
  // Inputs whose shape the config fixes: {"pixel_values", {-1, 3, 224, 224}}.
  std::vector<std::pair<std::string, Shape>> input_shapes = {};
  // Inputs of the family's that this checkpoint cannot take: of a part it lacks.
  std::vector<std::string> absent_inputs = {};
  // Inputs of a graph that nothing in it needs: may be given, and are not looked at.
  std::vector<std::string> unused_inputs = {};
};

// Graph inputs on demand: a family calls take() for each input it uses; those the caller did not
// ask for come back empty and the family builds the shorter graph.
class GraphInputs {
 public:
  // `choices`: integers [B, C, L] are multiple choices.
  GraphInputs(std::span<const InputSpec> specs, std::vector<std::string> wanted,
              bool choices = false);

  // Of multiple choices, [B, C, L], the rows: [B * C, L].
  std::optional<Output> take(std::string_view name);
  bool wants(std::string_view name) const;
  const ov::ParameterVector& parameters() const { return parameters_; }

 private:
  std::span<const InputSpec> specs_;
  std::vector<std::string> wanted_;
  bool choices_;
  ov::ParameterVector parameters_;
  std::map<std::string, Output, std::less<>> taken_;
};

struct NamedOutput {
  std::string name;
  Output value;
};

// What a checkpoint computes on top of its family's states, with its usual outputs. B: batch, L:
// tokens, C: choices.
enum class Head {
  kBase,                    // last_hidden_state, and pooler_output where a pooler is stored
  kMaskedLm,                // logits [B, L, vocabulary]
  kCausalLm,                // logits [B, L, vocabulary]
  kTextToText,              // logits [B, decoder's L, vocabulary], encoder_last_hidden_state
  kSequenceClassification,  // logits [B, labels]
  kTokenClassification,     // logits [B, L, labels]
  kQuestionAnswering,       // start_logits and end_logits [B, L]
  kMultipleChoice,          // logits [B, C]; inputs [B, C, L]
  kImageClassification,     // logits [B, labels]
  kSemanticSegmentation,    // logits [B, labels, height, width]
  kObjectDetection,         // logits [B, queries, labels + 1], pred_boxes [B, queries, 4], states
  kZeroShotImage,           // logits_per_image, logits_per_text, text_embeds, image_embeds
  kAudioClassification,     // logits [B, labels]
  kSpeechRecognition,       // logits [B, frames, vocabulary], or as kTextToText
};
using accel::to_string;                 // hidden by the next, else
std::string_view to_string(Head head);  // the Hub's name of its task: "fill-mask"
// INVALID_ARGUMENT lists the names.
Result<Head> parse_head(std::string_view task);
std::vector<std::string_view> task_names();  // sorted

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
  // What the reference library returns on output_hidden_states.
  std::vector<NamedOutput> states = {};

  // Adds `x` to states as "GROUP.N": the states before the first layer, then after each.
  void keep_state(const Output& x, std::string_view group = "hidden_states");
};

struct Family {
  std::string_view model_type;  // config.json's "model_type"
  std::string_view title;       // "BERT"
  std::string_view reference;   // the paper
  // The reference library's tokenizer class, for folders that name none; none: no text.
  std::string_view tokenizer = {};
  std::span<const Architecture> architectures;  // built here, the base first
  std::span<const InputSpec> inputs;
  std::span<const std::string_view> unused_weights;  // prefixes of tensors no head here reads
  Result<Facts> (*facts)(const Json& config);
  // The outputs of context.head that the wanted inputs allow, under the reference library's names;
  // of the base "last_hidden_state" first.
  Result<std::vector<NamedOutput>> (*build)(BuildContext& context);
};

}  // namespace accel::models
