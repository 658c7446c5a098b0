// Nomic-BERT (Nussbaum et al., arXiv:2402.01613): BERT's encoder with rotary positions and gated
// feed-forward blocks. Its configs come in two styles: the reference library's, with BERT's names,
// and the one of the authors' own code, with GPT-2's ("n_embd").
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
namespace nomic_bert {
namespace {

// --- config ------------------------------------------------------------------------------------

// The analyzer loses the fields on their way through Result.
struct NomicBertConfig {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  RotaryEncoder encoder;
  int64_t vocabulary = 0;
  int64_t token_types = 0;  // 0: none
  int64_t positions = 0;
  std::string head_activation;  // of masked language models
  bool head_bias = true;
  bool own_style = false;  // of the authors' own code
};

NomicBertConfig read_library_style(ConfigReader& in) {
  const int64_t hidden = in.size_or("hidden_size", 768);
  const int64_t heads = in.size_or("num_attention_heads", 12);
  NomicBertConfig config{
      .encoder = {.hidden = hidden,
                  .layers = in.layers_or("num_hidden_layers", 12),
                  .heads = heads,
                  .head_size = in.size_or("head_dim", std::max<int64_t>(hidden / heads, 1)),
                  .intermediate = in.size_or("intermediate_size", 3072),
                  .epsilon = in.number_or("layer_norm_eps", 1e-12),
                  .activation = in.text_or("hidden_act", "silu"),
                  .rotary = {}},
      .vocabulary = in.size_or("vocab_size", 30528),
      .token_types = in.size_or("type_vocab_size", 2),
      .positions = in.size_or("max_position_embeddings", 2048),
  };
  config.head_activation = config.encoder.activation;
  config.encoder.rotary = read_rotary(
      in, {.head_size = config.encoder.head_size, .positions = config.positions, .theta = 1000});
  return config;
}

// "swiglu", "geglu" and "glu" are gated, by SiLU, GELU and sigmoid; all others are a plain GELU.
void read_own_activation(ConfigReader& in, NomicBertConfig& config) {
  const std::string name = in.text_or("activation_function", "gelu");
  RotaryEncoder& encoder = config.encoder;
  encoder.gated = name.ends_with("glu");
  encoder.activation = name == "swiglu" ? "silu" : name == "glu" ? "sigmoid" : "gelu";
  config.head_activation = name == "swiglu" ? "silu" : "gelu";
  if (encoder.gated) encoder.intermediate = (encoder.intermediate + 255) / 256 * 256;
  const bool approximate = name == "gelu_new" || name == "gelu_fast" || name == "gelu_pytorch_tanh";
  if (approximate) config.head_activation = name;  // of the head alone
  if (!approximate && name != "gelu" && name != "swiglu" && name != "geglu" && name != "glu") {
    in.problem("activation_function: expected swiglu, geglu, glu, gelu, gelu_new, gelu_fast or "
               "gelu_pytorch_tanh, found " +
               name);
  }
}

// Rotary where a fraction of the heads is turned, else a table of positions.
void read_own_rotary(ConfigReader& in, NomicBertConfig& config) {
  const double fraction = in.number_or("rotary_emb_fraction", 0);
  if (fraction <= 0) return;
  if (config.positions == 0) config.positions = 2048;
  const double factor = in.number_or("rotary_scaling_factor", 0);
  const Json scaling{{"type", factor > 0 ? "dynamic" : "default"},
                     {"factor", factor},
                     {"rope_theta", in.number_or("rotary_emb_base", 10000)},
                     {"partial_rotary_factor", fraction}};
  const Json as_library{{"rope_scaling", scaling}};
  ConfigReader inner(as_library);
  config.encoder.rotary = read_rotary(
      inner, {.head_size = config.encoder.head_size,
              .positions = in.size_or("max_trained_positions", 2048),
              .layout = in.flag_or("rotary_emb_interleaved", false) ? RotaryLayout::kNeighbours
                                                                    : RotaryLayout::kHalves});
  in.adopt("rotary_emb", inner);
}

NomicBertConfig read_own_style(ConfigReader& in) {
  const int64_t hidden = in.size_or("n_embd", 768);
  const int64_t heads = in.size_or("n_head", 12);
  const bool attention_bias = in.flag_or("qkv_proj_bias", true);
  NomicBertConfig config{
      .encoder = {.hidden = hidden,
                  .layers = in.layers_or("n_layer", 12),
                  .heads = heads,
                  .head_size = std::max<int64_t>(hidden / heads, 1),
                  .intermediate = in.size_or("n_inner", 4 * hidden),
                  .epsilon = in.number_or("layer_norm_epsilon", 1e-5),
                  .activation = {},
                  .rotary = {},
                  .projection_bias = attention_bias,
                  .output_bias = attention_bias,
                  .up_bias = in.flag_or("mlp_fc1_bias", true),
                  .down_bias = in.flag_or("mlp_fc2_bias", true)},
      .vocabulary = in.size_or("vocab_size", 50257),
      .token_types = in.count_or("type_vocab_size", 2),
      .positions = in.count_or("n_positions", 1024),
      .own_style = true,
  };
  config.head_bias = config.encoder.up_bias;
  read_own_activation(in, config);
  read_own_rotary(in, config);
  in.expect("prenorm", false, "norms before attention are not built");
  in.expect("use_rms_norm", false, "RMS norms are not built");
  in.expect("causal", false, "only encoders are built");
  in.expect("parallel_block", false, "parallel blocks are not built");
  in.expect("num_heads_kv", nullptr, "grouped keys are not built");
  in.expect("rotary_emb_scale_base", nullptr, "scaled rotary embeddings are not built");
  if (in.number_or("moe_every_n_layers", 0) > 0) {
    in.problem("moe_every_n_layers: expected none (mixtures of experts are not built)");
  }
  return config;
}

Result<NomicBertConfig> read_config(const Json& json) {
  ConfigReader in(json);
  const bool own = json.contains("n_embd");
  NomicBertConfig config = own ? read_own_style(in) : read_library_style(in);
  const RotaryEncoder& encoder = config.encoder;
  if ((own || !json.contains("head_dim")) && encoder.hidden % encoder.heads != 0) {
    in.problem("hidden_size (n_embd): expected a multiple of num_attention_heads (n_head)");
  }
  constexpr int64_t kWidest = int64_t{1} << 31;
  if (encoder.heads * encoder.head_size > kWidest) in.problem("head_dim: expected smaller heads");
  ACCEL_TRY(in.status());
  return config;
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const NomicBertConfig config, read_config(json));
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
  if (!config.encoder.rotary && config.positions > 0) {
    facts.index_limits.emplace_back("position_ids", config.positions);
  }
  return facts;
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 3> kPrefixes{"", "nomic_bert.", "bert."};

constexpr std::array<std::string_view, 5> kUnused{
    "embeddings.position_ids", "pooler.", "cls.", "classifier.", "qa_outputs.",
};

constexpr RotaryEncoderNames kStored{
    .layers = "encoder.layers.",
    .packed_projection = "attn.Wqkv",
    .query = {},
    .key = {},
    .value = {},
    .output = "attn.out_proj",
    .attention_norm = "norm1",
    .packed_up_gate = {},
    .up = "mlp.fc11",
    .gate = "mlp.fc12",
    .down = "mlp.fc2",
    .feed_forward_norm = "norm2",
};

RotaryEncoderNames names_of(const Weights& weights, const NomicBertConfig& config) {
  if (weights.has("layers.0.self_attn.q_proj.weight")) return kRotaryEncoderNames;
  RotaryEncoderNames names = kStored;
  if (!config.encoder.gated) names.up = "mlp.fc1";
  return names;
}

MaskedLmNames masked_lm_names(const NomicBertConfig& config) {
  return {.dense = "cls.predictions.transform.dense",
          .norm = "cls.predictions.transform.layer_norm",
          .decoder = "cls.predictions.decoder",
          .tied = "embeddings.word_embeddings.weight",
          .bias = config.own_style ? "cls.predictions.decoder.bias" : "cls.predictions.bias"};
}

// --- build -------------------------------------------------------------------------------------

// Word + token type (+ position), normalised: [B, L] -> [B, L, H].
Output embeddings(BuildContext& context, const NomicBertConfig& config, const Output& ids,
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
  if (!config.encoder.rotary && config.positions > 0) {
    x = add(x, embedding(weights, "embeddings.position_embeddings.weight", positions,
                         config.positions, hidden));
  }
  const bool stored = weights.has("emb_ln.weight");
  return layer_norm(weights, stored ? "emb_ln" : "embeddings.LayerNorm", x, hidden,
                    config.encoder.epsilon);
}

Result<std::vector<NamedOutput>> head(BuildContext& context, const NomicBertConfig& config,
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
          .bias = config.head_bias,
      };
      return masked_lm(context, masked_lm_names(config), sizes, config.head_activation, x);
    }
    case Head::kSequenceClassification: {
      ACCEL_ASSIGN(const Output pooled, bert_pooler(weights, x, hidden));
      return classify(context, "classifier", pooled, hidden);
    }
    case Head::kTokenClassification: return classify(context, "classifier", x, hidden);
    default: return bert_states(weights, x, hidden);
  }
}

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const NomicBertConfig config, read_config(context.config));
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

// --- descriptor --------------------------------------------------------------------------------

constexpr std::array<Architecture, 5> kArchitectures{{
    {"NomicBertModel", Head::kBase},
    {"NomicBertForMaskedLM", Head::kMaskedLm},
    {"NomicBertForPreTraining", Head::kMaskedLm},
    {"NomicBertForSequenceClassification", Head::kSequenceClassification},
    {"NomicBertForTokenClassification", Head::kTokenClassification},
}};

const std::array<InputSpec, 4> kInputs{{
    {"input_ids", DType::kI64, {-1, -1}, Needed::kAlways},
    {"attention_mask", DType::kI64, {-1, -1}, Needed::kUsually, "input_ids"},
    {"token_type_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
    {"position_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
}};

}  // namespace
}  // namespace nomic_bert

const Family kNomicBert{
    .model_type = "nomic_bert",
    .title = "Nomic-BERT",
    .reference = "arXiv:2402.01613",
    .tokenizer = "BertTokenizer",
    .architectures = nomic_bert::kArchitectures,
    .inputs = nomic_bert::kInputs,
    .unused_weights = nomic_bert::kUnused,
    .facts = nomic_bert::facts,
    .build = nomic_bert::build,
};

}  // namespace accel::models
