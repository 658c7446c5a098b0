// ALBERT (Lan et al., arXiv:1909.11942): BERT's encoder behind narrower embeddings, whose layers
// share the weights of a few groups.
#include <array>

#include "base/try.h"
#include "models/blocks/bert_encoder.h"
#include "models/blocks/blocks.h"
#include "models/blocks/heads.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace albert {
namespace {

// --- config ------------------------------------------------------------------------------------

// The analyzer loses the fields on their way through Result.
struct AlbertConfig {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  BertEncoder encoder;
  EmbeddingTables tables;
  int64_t groups = 1;  // of weights that layers share
  int64_t inner = 1;   // layers in each, run through at every turn
};

Result<AlbertConfig> read_config(const Json& json) {
  ConfigReader in(json);
  BertEncoder encoder = read_bert_encoder(
      in, {.hidden = 4096, .heads = 64, .intermediate = 16384, .activation = "gelu_new"});
  encoder.scaled_positions = false;  // unlike BERT's
  encoder.names = {.query = "attention.query",
                   .key = "attention.key",
                   .value = "attention.value",
                   .distance = "attention.distance_embedding.weight",
                   .mixed = "attention.dense",
                   .mixed_norm = "attention.LayerNorm",
                   .wide = "ffn",
                   .narrow = "ffn_output",
                   .norm = "full_layer_layer_norm"};
  const bool absolute = encoder.position_kind == Positions::kAbsolute;
  const EmbeddingTables tables{.size = in.size_or("embedding_size", 128),
                               .vocabulary = in.size_or("vocab_size", 30000),
                               .token_types = in.size_or("type_vocab_size", 2),
                               .positions = absolute ? encoder.positions : 0};
  const int64_t groups = in.layers_or("num_hidden_groups", 1);
  const int64_t inner = in.layers_or("inner_group_num", 1);
  if (groups > encoder.layers) {
    in.problem("num_hidden_groups: expected at most num_hidden_layers");
  }
  if (encoder.layers * inner > ConfigReader::kLayersMax) {
    in.problem("inner_group_num: expected at most 1024 layers in all");
  }
  ACCEL_TRY(in.status());
  return AlbertConfig{std::move(encoder), tables, groups, inner};
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const AlbertConfig config, read_config(json));
  return bert_facts(json, config.encoder, config.tables, config.encoder.positions);
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 2> kPrefixes{"", "albert."};

constexpr std::array<std::string_view, 7> kUnused{
    "embeddings.position_ids",
    "embeddings.position_embeddings.",
    "predictions.",
    "sop_classifier.",
    "classifier.",
    "qa_outputs.",
    "pooler.",
};

const MaskedLmNames kMaskedLm{
    .dense = "predictions.dense",
    .norm = "predictions.LayerNorm",
    .decoder = "predictions.decoder",
    .tied = "embeddings.word_embeddings.weight",
    .bias = "predictions.bias",
};

// --- build -------------------------------------------------------------------------------------

// All turns: embeddings [B, L, H] to states [B, L, H].
Result<Output> stack(BuildContext& context, const AlbertConfig& config, Output x,
                     const std::optional<Output>& mask) {
  const BertEncoder& encoder = config.encoder;
  // The reference's division, which groups that do not fill the layers make uneven.
  const double turns = static_cast<double>(encoder.layers) / static_cast<double>(config.groups);
  context.keep_state(x);
  for (int64_t i = 0; i < encoder.layers; ++i) {
    const auto group = static_cast<int64_t>(static_cast<double>(i) / turns);
    const std::string layers =
        "encoder.albert_layer_groups." + std::to_string(group) + ".albert_layers.";
    for (int64_t j = 0; j < config.inner; ++j) {
      const std::string layer = layers + std::to_string(j) + ".";
      ACCEL_ASSIGN(x, bert_layer(context.weights, encoder, layer, x, mask));
    }
    context.keep_state(x);
  }
  return x;
}

Result<std::vector<NamedOutput>> head(BuildContext& context, const AlbertConfig& config,
                                      const Output& x) {
  Weights& weights = context.weights;
  const int64_t hidden = config.encoder.hidden;
  switch (context.head) {
    case Head::kMaskedLm: {
      const MaskedLmSizes sizes{hidden, config.tables.size, config.tables.vocabulary,
                                config.encoder.epsilon};
      return masked_lm(context, kMaskedLm, sizes, config.encoder.activation, x);
    }
    case Head::kMultipleChoice:
    case Head::kSequenceClassification: {
      ACCEL_ASSIGN(const Output pooled, bert_pooler(weights, x, hidden, "pooler"));
      return classify(context, "classifier", pooled, hidden);
    }
    case Head::kTokenClassification: return classify(context, "classifier", x, hidden);
    case Head::kQuestionAnswering: return span_logits(weights, "qa_outputs", x, hidden);
    default: return bert_states(weights, x, hidden, "pooler");
  }
}

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const AlbertConfig config, read_config(context.config));
  const BertEncoder& encoder = config.encoder;
  Weights& weights = context.weights;
  weights.choose_prefix(kPrefixes, "embeddings.word_embeddings.weight");
  const Output ids = *context.inputs.take("input_ids");
  const auto mask = additive_mask(context.inputs.take("attention_mask"));
  const int64_t size = config.tables.size;
  const Output sum = embedding_sum(context, config.tables, ids, positions_of(ids));
  const Output narrow = layer_norm(weights, "embeddings.LayerNorm", sum, size, encoder.epsilon);
  const Output wide =
      linear(weights, "encoder.embedding_hidden_mapping_in", narrow, size, encoder.hidden);
  ACCEL_ASSIGN(const Output x, stack(context, config, wide, mask));
  return head(context, config, x);
}

// --- descriptor --------------------------------------------------------------------------------

constexpr std::array<Architecture, 6> kArchitectures{{
    {"AlbertModel", Head::kBase},
    {"AlbertForMaskedLM", Head::kMaskedLm},
    {"AlbertForSequenceClassification", Head::kSequenceClassification},
    {"AlbertForTokenClassification", Head::kTokenClassification},
    {"AlbertForQuestionAnswering", Head::kQuestionAnswering},
    {"AlbertForMultipleChoice", Head::kMultipleChoice},
}};

const std::array<InputSpec, 4> kInputs{{
    {"input_ids", DType::kI64, {-1, -1}, Needed::kAlways},
    {"attention_mask", DType::kI64, {-1, -1}, Needed::kUsually, "input_ids"},
    {"token_type_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
    {"position_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
}};

}  // namespace
}  // namespace albert

const Family kAlbert{
    .model_type = "albert",
    .title = "ALBERT",
    .reference = "arXiv:1909.11942",
    .tokenizer = "AlbertTokenizer",
    .architectures = albert::kArchitectures,
    .inputs = albert::kInputs,
    .unused_weights = albert::kUnused,
    .facts = albert::facts,
    .build = albert::build,
};

}  // namespace accel::models
