// BERT (Devlin et al., arXiv:1810.04805). Also the encoder of most sentence-transformers models.
#include <array>

#include "base/try.h"
#include "models/blocks/bert_encoder.h"
#include "models/blocks/blocks.h"
#include "models/blocks/heads.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace {

// --- config ------------------------------------------------------------------------------------

// The analyzer loses the fields on their way through Result.
struct BertConfig {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  BertEncoder encoder;
  int64_t vocabulary = 0;
  int64_t token_types = 0;
};

Result<BertConfig> read_config(const Json& json) {
  ConfigReader in(json);
  BertConfig config{
      .encoder = read_bert_encoder(in),
      .vocabulary = in.size_or("vocab_size", 30522),
      .token_types = in.size_or("type_vocab_size", 2),
  };
  ACCEL_TRY(in.status());
  return config;
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const BertConfig config, read_config(json));
  ACCEL_ASSIGN(const int64_t labels, label_count(json));
  return Facts{.hidden_size = config.encoder.hidden,
               .layers = config.encoder.layers,
               .vocabulary = config.vocabulary,
               .max_positions = config.encoder.positions,
               .labels = labels,
               .index_limits = {{"input_ids", config.vocabulary},
                                {"token_type_ids", config.token_types},
                                {"position_ids", config.encoder.positions}}};
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 2> kPrefixes{"", "bert."};

// Models with relative positions store a table of absolute ones as well.
constexpr std::array<std::string_view, 6> kUnused{
    "embeddings.position_ids",
    "embeddings.position_embeddings.",
    "cls.",
    "classifier.",
    "qa_outputs.",
    "pooler.",
};

const MaskedLmNames kMaskedLm{
    .dense = "cls.predictions.transform.dense",
    .norm = "cls.predictions.transform.LayerNorm",
    .decoder = "cls.predictions.decoder",
    .tied = "embeddings.word_embeddings.weight",
    .bias = "cls.predictions.bias",
};

// --- build -------------------------------------------------------------------------------------

// Word + position + token type, normalised: [B, L] -> [B, L, H].
Output embeddings(BuildContext& context, const BertConfig& config, const Output& ids) {
  Weights& weights = context.weights;
  const BertEncoder& encoder = config.encoder;
  Output x = embedding(weights, "embeddings.word_embeddings.weight", ids, config.vocabulary,
                       encoder.hidden);
  const auto types = context.inputs.take("token_type_ids");
  const Output type_rows =
      types ? *types : integers({0});  // the reference library's default: all of type 0
  x = add(x, embedding(weights, "embeddings.token_type_embeddings.weight", type_rows,
                       config.token_types, encoder.hidden));
  const auto given = context.inputs.take("position_ids");  // of no effect on relative positions
  if (encoder.position_kind == Positions::kAbsolute) {
    x = add(x, embedding(weights, "embeddings.position_embeddings.weight",
                         given ? *given : positions_of(ids), encoder.positions, encoder.hidden));
  }
  return layer_norm(weights, "embeddings.LayerNorm", x, encoder.hidden, encoder.epsilon);
}

Result<std::vector<NamedOutput>> head(BuildContext& context, const BertConfig& config,
                                      const Output& x) {
  Weights& weights = context.weights;
  const int64_t hidden = config.encoder.hidden;
  switch (context.head) {
    case Head::kMaskedLm: {
      const MaskedLmSizes sizes{hidden, hidden, config.vocabulary, config.encoder.epsilon};
      ACCEL_ASSIGN(const Output logits,
                   masked_lm_logits(weights, kMaskedLm, sizes, config.encoder.activation, x));
      return std::vector<NamedOutput>{{"logits", logits}};
    }
    case Head::kMultipleChoice:
    case Head::kSequenceClassification: {
      ACCEL_ASSIGN(const int64_t labels, label_count(context));
      ACCEL_ASSIGN(const Output pooled, bert_pooler(weights, x, hidden));
      return std::vector<NamedOutput>{
          {"logits", linear(weights, "classifier", pooled, hidden, labels)}};
    }
    case Head::kTokenClassification: {
      ACCEL_ASSIGN(const int64_t labels, label_count(context));
      return std::vector<NamedOutput>{{"logits", linear(weights, "classifier", x, hidden, labels)}};
    }
    case Head::kQuestionAnswering: return span_logits(weights, "qa_outputs", x, hidden);
    default: break;
  }
  std::vector<NamedOutput> outputs{{"last_hidden_state", x}};
  if (weights.has("pooler.dense.weight")) {
    ACCEL_ASSIGN(const Output pooled, bert_pooler(weights, x, hidden));
    outputs.push_back({"pooler_output", pooled});
  }
  return outputs;
}

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const BertConfig config, read_config(context.config));
  context.weights.choose_prefix(kPrefixes, "embeddings.word_embeddings.weight");
  const Output ids = *context.inputs.take("input_ids");
  const auto mask = additive_mask(context.inputs.take("attention_mask"));
  ACCEL_ASSIGN(const Output x,
               bert_encoder(context, config.encoder, embeddings(context, config, ids), mask));
  return head(context, config, x);
}

// --- descriptor --------------------------------------------------------------------------------

constexpr std::array<Architecture, 6> kArchitectures{{
    {"BertModel", Head::kBase},
    {"BertForMaskedLM", Head::kMaskedLm},
    {"BertForSequenceClassification", Head::kSequenceClassification},
    {"BertForTokenClassification", Head::kTokenClassification},
    {"BertForQuestionAnswering", Head::kQuestionAnswering},
    {"BertForMultipleChoice", Head::kMultipleChoice},
}};

const std::array<InputSpec, 4> kInputs{{
    {"input_ids", DType::kI64, {-1, -1}, Needed::kAlways},
    {"attention_mask", DType::kI64, {-1, -1}, Needed::kUsually, "input_ids"},
    {"token_type_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
    {"position_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
}};

}  // namespace

const Family kBert{
    .model_type = "bert",
    .title = "BERT",
    .reference = "arXiv:1810.04805",
    .architectures = kArchitectures,
    .inputs = kInputs,
    .unused_weights = kUnused,
    .facts = facts,
    .build = build,
};

}  // namespace accel::models
