// GTE, multilingual and English v1.5 (Zhang et al., arXiv:2407.19669): "gte" in the reference
// library, and "new", the name of the authors' own code.
#include <algorithm>
#include <array>

#include "base/try.h"
#include "models/blocks/bert_encoder.h"
#include "models/blocks/blocks.h"
#include "models/blocks/heads.h"
#include "models/blocks/rotary_encoder.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace gte {
namespace {

// --- config ------------------------------------------------------------------------------------

// The analyzer loses the fields on their way through Result.
struct GteConfig {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  RotaryEncoder encoder;
  int64_t vocabulary = 0;
  int64_t token_types = 0;  // 0: none
  int64_t positions = 0;
  bool packed = true;           // query, key and value in one matrix
  std::string head_activation;  // of masked language models
};

// What only the authors' own code has.
void read_own_options(ConfigReader& in, GteConfig& config) {
  config.packed = in.flag_or("pack_qkv", true);
  config.head_activation = config.encoder.activation;
  const std::string norm = in.text_or("layer_norm_type", "layer_norm");
  if (norm == "rms_norm") {
    config.encoder.norm = NormKind::kRms;
  } else if (norm != "layer_norm") {
    in.problem("layer_norm_type: expected layer_norm or rms_norm, found " + norm);
  }
  in.expect("logn_attention_scale", false, "attention scaled by length is not built");
}

Result<GteConfig> read_config(const Json& json) {
  ConfigReader in(json);
  const bool own = in.text_or("model_type", "gte") == "new";
  const int64_t hidden = in.size_or("hidden_size", 768);
  const int64_t heads = in.size_or("num_attention_heads", 12);
  GteConfig config{
      .encoder = {.hidden = hidden,
                  .layers = in.layers_or("num_hidden_layers", 12),
                  .heads = heads,
                  .head_size = in.size_or("head_dim", std::max<int64_t>(hidden / heads, 1)),
                  .intermediate = in.size_or("intermediate_size", 3072),
                  .epsilon = in.number_or("layer_norm_eps", 1e-12),
                  .activation = in.text_or("hidden_act", "gelu"),
                  .rotary = {},
                  .projection_bias = true,
                  .output_bias = true,
                  .down_bias = true},
      .vocabulary = in.size_or("vocab_size", own ? 30528 : 250048),
      .token_types = in.count_or("type_vocab_size", 1),
      .positions = in.size_or("max_position_embeddings", own ? 2048 : 8192),
      .head_activation = "gelu",
  };
  if (own) read_own_options(in, config);
  const std::string kind = in.text_or("position_embedding_type", "rope");
  if (kind != "rope" && (!own || kind != "absolute")) {
    in.problem("position_embedding_type: expected rope, or of model_type new absolute, found " +
               kind);
  }
  if (kind == "rope") {
    config.encoder.rotary = read_rotary(in, {.head_size = config.encoder.head_size,
                                             .positions = config.positions,
                                             .theta = own ? 10000.0 : 160000.0});
  }
  const RotaryEncoder& encoder = config.encoder;
  if (!json.contains("head_dim") && hidden % heads != 0) {
    in.problem("hidden_size: expected a multiple of num_attention_heads");
  }
  constexpr int64_t kWidest = int64_t{1} << 31;
  if (encoder.heads * encoder.head_size > kWidest) in.problem("head_dim: expected smaller heads");
  ACCEL_TRY(in.status());
  return config;
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const GteConfig config, read_config(json));
  ACCEL_ASSIGN(const int64_t labels, label_count(json));
  Facts facts{.hidden_size = config.encoder.hidden,
              .layers = config.encoder.layers,
              .vocabulary = config.vocabulary,
              .max_positions = config.positions,
              .labels = labels,
              .index_limits = {{"input_ids", config.vocabulary}}};
  if (config.token_types > 0) {
    facts.index_limits.emplace_back("token_type_ids", config.token_types);
  }
  if (!config.encoder.rotary) facts.index_limits.emplace_back("position_ids", config.positions);
  return facts;
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 3> kPrefixes{"", "new.", "gte."};

constexpr std::array<std::string_view, 6> kUnused{
    "embeddings.rotary_emb.",
    "embeddings.position_ids",
    "pooler.",
    "lm_head.",
    "classifier.",
    "qa_outputs.",
};

constexpr RotaryEncoderNames kStored{
    .layers = "encoder.layer.",
    .packed_projection = "attention.qkv_proj",
    .query = {},
    .key = {},
    .value = {},
    .output = "attention.o_proj",
    .attention_norm = "attn_ln",
    .packed_up_gate = "mlp.up_gate_proj",
    .up = {},
    .gate = {},
    .down = "mlp.down_proj",
    .feed_forward_norm = "mlp_ln",
};

RotaryEncoderNames names_of(const Weights& weights, const GteConfig& config) {
  if (weights.has("layers.0.self_attn.q_proj.weight")) return kRotaryEncoderNames;
  RotaryEncoderNames names = kStored;
  if (!config.packed) {
    names.packed_projection = {};
    names.query = "attention.q_proj";
    names.key = "attention.k_proj";
    names.value = "attention.v_proj";
  }
  return names;
}

MaskedLmNames masked_lm_names(const Weights& weights) {
  return {.dense = "lm_head.dense",
          .norm = weights.has("lm_head.norm.weight") ? "lm_head.norm" : "lm_head.layer_norm",
          .decoder = "lm_head.decoder",
          .tied = "embeddings.word_embeddings.weight",
          .bias = "lm_head.decoder.bias"};
}

// --- build -------------------------------------------------------------------------------------

// Word + token type (+ position), normalised: [B, L] -> [B, L, H].
Output embeddings(BuildContext& context, const GteConfig& config, const Output& ids,
                  const Output& positions) {
  Weights& weights = context.weights;
  const int64_t hidden = config.encoder.hidden;
  Output x =
      embedding(weights, "embeddings.word_embeddings.weight", ids, config.vocabulary, hidden);
  const auto types = context.inputs.take("token_type_ids");  // of no effect without a table
  if (config.token_types > 0) {
    x = add(x, embedding(weights, "embeddings.token_type_embeddings.weight",
                         types ? *types : integers({0}), config.token_types, hidden));
  }
  if (!config.encoder.rotary) {
    x = add(x, embedding(weights, "embeddings.position_embeddings.weight", positions,
                         config.positions, hidden));
  }
  return encoder_norm(weights, config.encoder, "embeddings.LayerNorm", x);
}

Result<std::vector<NamedOutput>> head(BuildContext& context, const GteConfig& config,
                                      const Output& x) {
  Weights& weights = context.weights;
  const int64_t hidden = config.encoder.hidden;
  switch (context.head) {
    case Head::kMaskedLm: {
      const MaskedLmSizes sizes{
          .hidden = hidden,
          .embedding = hidden,
          .vocabulary = config.vocabulary,
          .epsilon = config.encoder.epsilon,
          .rms = config.encoder.norm == NormKind::kRms,
      };
      return masked_lm(context, masked_lm_names(weights), sizes, config.head_activation, x);
    }
    case Head::kMultipleChoice:
    case Head::kSequenceClassification: {
      ACCEL_ASSIGN(const Output pooled, bert_pooler(weights, x, hidden));
      return classify(context, "classifier", pooled, hidden);
    }
    case Head::kTokenClassification: return classify(context, "classifier", x, hidden);
    case Head::kQuestionAnswering: return span_logits(weights, "qa_outputs", x, hidden);
    default: return bert_states(weights, x, hidden);
  }
}

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const GteConfig config, read_config(context.config));
  context.weights.choose_prefix(kPrefixes, "embeddings.word_embeddings.weight");
  const Output ids = *context.inputs.take("input_ids");
  const auto given = context.inputs.take("position_ids");
  const Output positions = given ? *given : positions_of(ids);
  const auto mask = additive_mask(context.inputs.take("attention_mask"));
  ACCEL_ASSIGN(const Output x,
               rotary_encoder(context, config.encoder, names_of(context.weights, config),
                              embeddings(context, config, ids, positions), positions, mask));
  return head(context, config, x);
}

// --- descriptors -------------------------------------------------------------------------------

constexpr std::array<Architecture, 4> kArchitectures{{
    {"GteModel", Head::kBase},
    {"GteForMaskedLM", Head::kMaskedLm},
    {"GteForSequenceClassification", Head::kSequenceClassification},
    {"GteForTokenClassification", Head::kTokenClassification},
}};
constexpr std::array<Architecture, 6> kNewArchitectures{{
    {"NewModel", Head::kBase},
    {"NewForMaskedLM", Head::kMaskedLm},
    {"NewForSequenceClassification", Head::kSequenceClassification},
    {"NewForTokenClassification", Head::kTokenClassification},
    {"NewForQuestionAnswering", Head::kQuestionAnswering},
    {"NewForMultipleChoice", Head::kMultipleChoice},
}};

const std::array<InputSpec, 4> kInputs{{
    {"input_ids", DType::kI64, {-1, -1}, Needed::kAlways},
    {"attention_mask", DType::kI64, {-1, -1}, Needed::kUsually, "input_ids"},
    {"token_type_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
    {"position_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
}};

}  // namespace
}  // namespace gte

const Family kGte{
    .model_type = "gte",
    .title = "GTE",
    .reference = "arXiv:2407.19669",
    .tokenizer = "BertTokenizer",
    .architectures = gte::kArchitectures,
    .inputs = gte::kInputs,
    .unused_weights = gte::kUnused,
    .facts = gte::facts,
    .build = gte::build,
};

const Family kNew{
    .model_type = "new",
    .title = "GTE (as its authors save it)",
    .reference = "arXiv:2407.19669",
    .tokenizer = "BertTokenizer",
    .architectures = gte::kNewArchitectures,
    .inputs = gte::kInputs,
    .unused_weights = gte::kUnused,
    .facts = gte::facts,
    .build = gte::build,
};

}  // namespace accel::models
