// ELECTRA (Clark et al., arXiv:2003.10555): BERT's encoder behind narrower embeddings.
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
struct ElectraConfig {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  BertEncoder encoder;
  int64_t vocabulary = 0;
  int64_t token_types = 0;
  int64_t embedding = 0;
};

Result<ElectraConfig> read_config(const Json& json) {
  ConfigReader in(json);
  ElectraConfig config{
      .encoder = read_bert_encoder(in, {.hidden = 256, .heads = 4, .intermediate = 1024}),
      .vocabulary = in.size_or("vocab_size", 30522),
      .token_types = in.size_or("type_vocab_size", 2),
      .embedding = in.size_or("embedding_size", 128),
  };
  ACCEL_TRY(in.status());
  return config;
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const ElectraConfig config, read_config(json));
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

constexpr std::array<std::string_view, 2> kPrefixes{"", "electra."};

constexpr std::array<std::string_view, 7> kUnused{
    "embeddings.position_ids",
    "embeddings.position_embeddings.",
    "generator_predictions.",
    "generator_lm_head.",
    "discriminator_predictions.",
    "classifier.",
    "qa_outputs.",
};

const MaskedLmNames kMaskedLm{
    .dense = "generator_predictions.dense",
    .norm = "generator_predictions.LayerNorm",
    .decoder = "generator_lm_head",
    .tied = "embeddings.word_embeddings.weight",
    .bias = "generator_lm_head.bias",
};

// --- build -------------------------------------------------------------------------------------

// Word + position + token type, normalised, and made as wide as the encoder: [B, L] -> [B, L, H].
Output embeddings(BuildContext& context, const ElectraConfig& config, const Output& ids) {
  Weights& weights = context.weights;
  const BertEncoder& encoder = config.encoder;
  const int64_t size = config.embedding;
  Output x = embedding(weights, "embeddings.word_embeddings.weight", ids, config.vocabulary, size);
  const auto types = context.inputs.take("token_type_ids");
  const Output type_rows = types ? *types : integers({0});
  x = add(x, embedding(weights, "embeddings.token_type_embeddings.weight", type_rows,
                       config.token_types, size));
  const auto given = context.inputs.take("position_ids");  // of no effect on relative positions
  if (encoder.position_kind == Positions::kAbsolute) {
    x = add(x, embedding(weights, "embeddings.position_embeddings.weight",
                         given ? *given : positions_of(ids), encoder.positions, size));
  }
  x = layer_norm(weights, "embeddings.LayerNorm", x, size, encoder.epsilon);
  if (size == encoder.hidden) return x;
  return linear(weights, "embeddings_project", x, size, encoder.hidden);
}

Result<std::vector<NamedOutput>> head(BuildContext& context, const ElectraConfig& config,
                                      const Output& x) {
  Weights& weights = context.weights;
  const int64_t hidden = config.encoder.hidden;
  switch (context.head) {
    case Head::kMaskedLm: {  // always with GELU and this epsilon, whatever the encoder has
      const MaskedLmSizes sizes{hidden, config.embedding, config.vocabulary, 1e-12};
      ACCEL_ASSIGN(const Output logits, masked_lm_logits(weights, kMaskedLm, sizes, "gelu", x));
      return std::vector<NamedOutput>{{"logits", logits}};
    }
    case Head::kMultipleChoice:
    case Head::kSequenceClassification: {
      ACCEL_ASSIGN(const int64_t labels, label_count(context));
      const Output dense = linear(weights, "classifier.dense", first_token(x), hidden, hidden);
      ACCEL_ASSIGN(const Output active, activation("gelu", dense));
      return std::vector<NamedOutput>{
          {"logits", linear(weights, "classifier.out_proj", active, hidden, labels)}};
    }
    case Head::kTokenClassification: {
      ACCEL_ASSIGN(const int64_t labels, label_count(context));
      return std::vector<NamedOutput>{{"logits", linear(weights, "classifier", x, hidden, labels)}};
    }
    case Head::kQuestionAnswering: return span_logits(weights, "qa_outputs", x, hidden);
    default: return std::vector<NamedOutput>{{"last_hidden_state", x}};
  }
}

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const ElectraConfig config, read_config(context.config));
  context.weights.choose_prefix(kPrefixes, "embeddings.word_embeddings.weight");
  const Output ids = *context.inputs.take("input_ids");
  const auto mask = additive_mask(context.inputs.take("attention_mask"));
  ACCEL_ASSIGN(const Output x,
               bert_encoder(context, config.encoder, embeddings(context, config, ids), mask));
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

const Family kElectra{
    .model_type = "electra",
    .title = "ELECTRA",
    .reference = "arXiv:2003.10555",
    .architectures = kArchitectures,
    .inputs = kInputs,
    .unused_weights = kUnused,
    .facts = facts,
    .build = build,
};

}  // namespace accel::models
