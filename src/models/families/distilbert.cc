// DistilBERT (Sanh et al., arXiv:1910.01108): BERT's encoder with fewer layers, without token types
// and pooler.
#include <array>

#include "base/try.h"
#include "models/blocks/bert_encoder.h"
#include "models/blocks/blocks.h"
#include "models/blocks/heads.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace distilbert {
namespace {

// --- config ------------------------------------------------------------------------------------

constexpr double kEpsilon = 1e-12;  // of all norms

// The analyzer loses the fields on their way through Result.
struct DistilbertConfig {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  BertEncoder encoder;
  EmbeddingTables tables;
};

// sinusoidal_pos_embds says how the position table was made; it is stored either way.
Result<DistilbertConfig> read_config(const Json& json) {
  ConfigReader in(json);
  BertEncoder encoder{
      .hidden = in.size_or("hidden_size", in.size_or("dim", 768)),
      .layers = in.layers_or("num_hidden_layers", in.layers_or("n_layers", 6)),
      .heads = in.size_or("num_attention_heads", in.size_or("n_heads", 12)),
      .intermediate = in.size_or("hidden_dim", 3072),
      .positions = in.size_or("max_position_embeddings", 512),
      .epsilon = kEpsilon,
      .activation = in.text_or("activation", "gelu"),
      .names = {.query = "attention.q_lin",
                .key = "attention.k_lin",
                .value = "attention.v_lin",
                .mixed = "attention.out_lin",
                .mixed_norm = "sa_layer_norm",
                .wide = "ffn.lin1",
                .narrow = "ffn.lin2",
                .norm = "output_layer_norm"},
  };
  check_bert_encoder(in, encoder);
  const EmbeddingTables tables{.size = encoder.hidden,
                               .vocabulary = in.size_or("vocab_size", 30522),
                               .positions = encoder.positions};
  ACCEL_TRY(in.status());
  return DistilbertConfig{std::move(encoder), tables};
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const DistilbertConfig config, read_config(json));
  return bert_facts(json, config.encoder, config.tables, config.encoder.positions);
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 2> kPrefixes{"", "distilbert."};

constexpr std::array<std::string_view, 7> kUnused{
    "embeddings.position_ids", "vocab_transform.", "vocab_layer_norm.", "vocab_projector.",
    "pre_classifier.",         "classifier.",      "qa_outputs.",
};

const MaskedLmNames kMaskedLm{
    .dense = "vocab_transform",
    .norm = "vocab_layer_norm",
    .decoder = "vocab_projector",
    .tied = "embeddings.word_embeddings.weight",
    .bias = "vocab_projector.bias",
};

// --- build -------------------------------------------------------------------------------------

Result<std::vector<NamedOutput>> head(BuildContext& context, const DistilbertConfig& config,
                                      const Output& x) {
  Weights& weights = context.weights;
  const int64_t hidden = config.encoder.hidden;
  switch (context.head) {
    case Head::kMaskedLm: {
      const MaskedLmSizes sizes{hidden, hidden, config.tables.vocabulary, kEpsilon};
      return masked_lm(context, kMaskedLm, sizes, config.encoder.activation, x);
    }
    case Head::kMultipleChoice:
    case Head::kSequenceClassification: {
      const Output dense = linear(weights, "pre_classifier", first_token(x), hidden, hidden);
      ACCEL_ASSIGN(const Output active, activation("relu", dense));
      return classify(context, "classifier", active, hidden);
    }
    case Head::kTokenClassification: return classify(context, "classifier", x, hidden);
    case Head::kQuestionAnswering: return span_logits(weights, "qa_outputs", x, hidden);
    default: return std::vector<NamedOutput>{{"last_hidden_state", x}};
  }
}

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const DistilbertConfig config, read_config(context.config));
  const BertEncoder& encoder = config.encoder;
  context.weights.choose_prefix(kPrefixes, "embeddings.word_embeddings.weight");
  const Output ids = *context.inputs.take("input_ids");
  const auto mask = additive_mask(context.inputs.take("attention_mask"));
  const Output sum = embedding_sum(context, config.tables, ids, positions_of(ids));
  const Output normal =
      layer_norm(context.weights, "embeddings.LayerNorm", sum, encoder.hidden, encoder.epsilon);
  ACCEL_ASSIGN(const Output x, bert_encoder(context, encoder, normal, mask, "transformer.layer"));
  return head(context, config, x);
}

// --- descriptor --------------------------------------------------------------------------------

constexpr std::array<Architecture, 6> kArchitectures{{
    {"DistilBertModel", Head::kBase},
    {"DistilBertForMaskedLM", Head::kMaskedLm},
    {"DistilBertForSequenceClassification", Head::kSequenceClassification},
    {"DistilBertForTokenClassification", Head::kTokenClassification},
    {"DistilBertForQuestionAnswering", Head::kQuestionAnswering},
    {"DistilBertForMultipleChoice", Head::kMultipleChoice},
}};

const std::array<InputSpec, 3> kInputs{{
    {"input_ids", DType::kI64, {-1, -1}, Needed::kAlways},
    {"attention_mask", DType::kI64, {-1, -1}, Needed::kUsually, "input_ids"},
    {"position_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
}};

}  // namespace
}  // namespace distilbert

const Family kDistilbert{
    .model_type = "distilbert",
    .title = "DistilBERT",
    .reference = "arXiv:1910.01108",
    .tokenizer = "DistilBertTokenizer",
    .architectures = distilbert::kArchitectures,
    .inputs = distilbert::kInputs,
    .unused_weights = distilbert::kUnused,
    .facts = distilbert::facts,
    .build = distilbert::build,
};

}  // namespace accel::models
