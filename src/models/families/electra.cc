// ELECTRA (Clark et al., arXiv:2003.10555): BERT's encoder behind narrower embeddings.
#include <array>
#include <openvino/op/constant.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/reduce_mean.hpp>
#include <string>

#include "base/try.h"
#include "models/blocks/bert_encoder.h"
#include "models/blocks/blocks.h"
#include "models/blocks/heads.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace electra {
namespace {

// --- config ------------------------------------------------------------------------------------

// The analyzer loses the fields on their way through Result.
struct ElectraConfig {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  BertEncoder encoder;
  EmbeddingTables tables;
  std::string summary;  // how multiple choices are pooled
  std::string summary_activation;
  bool summary_projects = true;
};

// The activation's name; null, unlike a missing one, means none.
std::string read_summary_activation(ConfigReader& in, const Json& json) {
  const auto found = json.find("summary_activation");
  if (found != json.end() && found->is_null()) return "linear";
  const std::string name = in.text_or("summary_activation", "gelu");
  return name.empty() ? "linear" : name;
}

Result<ElectraConfig> read_config(const Json& json) {
  ConfigReader in(json);
  const BertEncoder encoder =
      read_bert_encoder(in, {.hidden = 256, .heads = 4, .intermediate = 1024});
  const bool absolute = encoder.position_kind == Positions::kAbsolute;
  const EmbeddingTables tables{.size = in.size_or("embedding_size", 128),
                               .vocabulary = in.size_or("vocab_size", 30522),
                               .token_types = in.size_or("type_vocab_size", 2),
                               .positions = absolute ? encoder.positions : 0};
  in.expect("summary_proj_to_labels", false, "multiple choices have no labels");
  ElectraConfig config{.encoder = encoder,
                       .tables = tables,
                       .summary = in.text_or("summary_type", "first"),
                       .summary_activation = read_summary_activation(in, json),
                       .summary_projects = in.flag_or("summary_use_proj", true)};
  ACCEL_TRY(in.status());
  return config;
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const ElectraConfig config, read_config(json));
  return bert_facts(json, config.encoder, config.tables, config.encoder.positions);
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 2> kPrefixes{"", "electra."};

constexpr std::array<std::string_view, 8> kUnused{
    "embeddings.position_ids",
    "embeddings.position_embeddings.",
    "generator_predictions.",
    "generator_lm_head.",
    "discriminator_predictions.",
    "classifier.",
    "qa_outputs.",
    "sequence_summary.",
};

const MaskedLmNames kMaskedLm{
    .dense = "generator_predictions.dense",
    .norm = "generator_predictions.LayerNorm",
    .decoder = "generator_lm_head",
    .tied = "embeddings.word_embeddings.weight",
    .bias = "generator_lm_head.bias",
};

// --- build -------------------------------------------------------------------------------------

// A sequence as one vector, for multiple choices: [B, L, H] -> [B, H].
Result<Output> summary(BuildContext& context, const ElectraConfig& config, const Output& x) {
  const auto axis = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {1});
  const auto last = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {-1});
  const int64_t hidden = config.encoder.hidden;
  Output pooled = first_token(x);
  if (config.summary == "last" || config.summary == "cls_index") {  // no index is given: the last
    pooled = std::make_shared<ov::op::v8::Gather>(x, last, axis);
  } else if (config.summary == "mean") {  // of padding, too
    pooled = std::make_shared<ov::op::v1::ReduceMean>(x, axis, false);
  } else if (config.summary != "first") {
    return unimplemented("summary_type: expected first, last, mean or cls_index, found " +
                         config.summary);
  }
  if (config.summary_projects) {
    pooled = linear(context.weights, "sequence_summary.summary", pooled, hidden, hidden);
  }
  return activation(config.summary_activation, pooled);
}

Result<std::vector<NamedOutput>> head(BuildContext& context, const ElectraConfig& config,
                                      const Output& x) {
  Weights& weights = context.weights;
  const int64_t hidden = config.encoder.hidden;
  switch (context.head) {
    case Head::kMaskedLm: {  // always with GELU, whatever the encoder's activation
      const MaskedLmSizes sizes{hidden, config.tables.size, config.tables.vocabulary,
                                config.encoder.epsilon};
      return masked_lm(context, kMaskedLm, sizes, "gelu", x);
    }
    case Head::kMultipleChoice: {
      ACCEL_ASSIGN(const Output pooled, summary(context, config, x));
      return classify(context, "classifier", pooled, hidden);
    }
    case Head::kSequenceClassification: {
      const Output dense = linear(weights, "classifier.dense", first_token(x), hidden, hidden);
      ACCEL_ASSIGN(const Output active, activation("gelu", dense));
      return classify(context, "classifier.out_proj", active, hidden);
    }
    case Head::kTokenClassification: return classify(context, "classifier", x, hidden);
    case Head::kQuestionAnswering: return span_logits(weights, "qa_outputs", x, hidden);
    default: return std::vector<NamedOutput>{{"last_hidden_state", x}};
  }
}

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const ElectraConfig config, read_config(context.config));
  const BertEncoder& encoder = config.encoder;
  Weights& weights = context.weights;
  weights.choose_prefix(kPrefixes, "embeddings.word_embeddings.weight");
  const Output ids = *context.inputs.take("input_ids");
  const auto mask = additive_mask(context.inputs.take("attention_mask"));
  const int64_t size = config.tables.size;
  const Output sum = embedding_sum(context, config.tables, ids, positions_of(ids));
  Output embedded = layer_norm(weights, "embeddings.LayerNorm", sum, size, encoder.epsilon);
  if (size != encoder.hidden) {
    embedded = linear(weights, "embeddings_project", embedded, size, encoder.hidden);
  }
  ACCEL_ASSIGN(const Output x, bert_encoder(context, encoder, embedded, mask));
  return head(context, config, x);
}

// --- descriptor --------------------------------------------------------------------------------

constexpr std::array<Architecture, 6> kArchitectures{{
    {"ElectraModel", Head::kBase},
    {"ElectraForMaskedLM", Head::kMaskedLm},
    {"ElectraForSequenceClassification", Head::kSequenceClassification},
    {"ElectraForTokenClassification", Head::kTokenClassification},
    {"ElectraForQuestionAnswering", Head::kQuestionAnswering},
    {"ElectraForMultipleChoice", Head::kMultipleChoice},
}};

const std::array<InputSpec, 4> kInputs{{
    {"input_ids", DType::kI64, {-1, -1}, Needed::kAlways},
    {"attention_mask", DType::kI64, {-1, -1}, Needed::kUsually, "input_ids"},
    {"token_type_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
    {"position_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
}};

}  // namespace
}  // namespace electra

const Family kElectra{
    .model_type = "electra",
    .title = "ELECTRA",
    .reference = "arXiv:2003.10555",
    .tokenizer = "ElectraTokenizer",
    .architectures = electra::kArchitectures,
    .inputs = electra::kInputs,
    .unused_weights = electra::kUnused,
    .facts = electra::facts,
    .build = electra::build,
};

}  // namespace accel::models
