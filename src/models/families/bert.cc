// BERT (Devlin et al., arXiv:1810.04805). Also the encoder of most sentence-transformers models.
#include <array>
#include <cmath>

#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/blocks/relative_position.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace {

// --- config ------------------------------------------------------------------------------------

enum class Positions { kAbsolute, kRelativeKey, kRelativeKeyQuery };

// The analyzer loses the fields on their way through Result.
struct BertConfig {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  int64_t vocabulary = 0;
  int64_t hidden = 0;
  int64_t layers = 0;
  int64_t heads = 1;
  int64_t intermediate = 0;
  int64_t positions = 0;
  int64_t token_types = 0;
  double epsilon = 0;
  std::string activation;
  Positions position_kind = Positions::kAbsolute;
};

Result<BertConfig> read_config(const Json& json) {
  ConfigReader in(json);
  BertConfig config{
      .vocabulary = in.size_or("vocab_size", 30522),
      .hidden = in.size_or("hidden_size", 768),
      .layers = in.layers_or("num_hidden_layers", 12),
      .heads = in.size_or("num_attention_heads", 12),
      .intermediate = in.size_or("intermediate_size", 3072),
      .positions = in.size_or("max_position_embeddings", 512),
      .token_types = in.size_or("type_vocab_size", 2),
      .epsilon = in.number_or("layer_norm_eps", 1e-12),
      .activation = in.text_or("hidden_act", "gelu"),
      .position_kind = Positions::kAbsolute,
  };
  const std::string kind = in.text_or("position_embedding_type", "absolute");
  if (kind == "relative_key") {
    config.position_kind = Positions::kRelativeKey;
  } else if (kind == "relative_key_query") {
    config.position_kind = Positions::kRelativeKeyQuery;
  } else if (kind != "absolute") {
    in.problem("position_embedding_type: expected absolute, relative_key or relative_key_query, "
               "found " +
               kind);
  }
  if (config.hidden % config.heads != 0) {
    in.problem("hidden_size: expected a multiple of num_attention_heads");
  }
  in.expect("is_decoder", false, "only BERT as an encoder is built");
  in.expect("add_cross_attention", false, "only BERT as an encoder is built");
  in.expect("pruned_heads", Json::object(), "pruned heads are not built");
  ACCEL_TRY(in.status());
  return config;
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const BertConfig config, read_config(json));
  return Facts{.hidden_size = config.hidden,
               .layers = config.layers,
               .vocabulary = config.vocabulary,
               .max_positions = config.positions,
               .index_limits = {{"input_ids", config.vocabulary},
                                {"token_type_ids", config.token_types},
                                {"position_ids", config.positions}}};
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

std::string layer_name(int64_t layer) { return "encoder.layer." + std::to_string(layer) + "."; }

// --- build -------------------------------------------------------------------------------------

// Word + position + token type, normalised: [B, L] -> [B, L, H].
Output embeddings(BuildContext& context, const BertConfig& config, const Output& ids) {
  Weights& weights = context.weights;
  Output x = embedding(weights, "embeddings.word_embeddings.weight", ids, config.vocabulary,
                       config.hidden);
  const auto types = context.inputs.take("token_type_ids");
  const std::string type_table = "embeddings.token_type_embeddings.weight";
  const Output type_rows =
      types ? *types : integers({0});  // the reference library's default: all of type 0
  x = add(x, embedding(weights, type_table, type_rows, config.token_types, config.hidden));
  const auto given = context.inputs.take("position_ids");  // of no effect on relative positions
  if (config.position_kind == Positions::kAbsolute) {
    x = add(x, embedding(weights, "embeddings.position_embeddings.weight",
                         given ? *given : positions_of(ids), config.positions, config.hidden));
  }
  return layer_norm(weights, "embeddings.LayerNorm", x, config.hidden, config.epsilon);
}

// Self-attention with its output projection and residual: [B, L, H] -> [B, L, H].
Output self_attention(Weights& weights, const BertConfig& config, const std::string& layer,
                      const Output& x, std::optional<Output> mask) {
  const int64_t size = config.hidden / config.heads;
  const auto project = [&](const std::string& name) {
    const Output y =
        linear(weights, layer + "attention.self." + name, x, config.hidden, config.hidden);
    return split_heads(y, config.heads, size);
  };
  const Output query = project("query");
  const Output key = project("key");
  const Output value = project("value");
  if (config.position_kind != Positions::kAbsolute) {
    const Output table = weights.get(layer + "attention.self.distance_embedding.weight",
                                     {2 * config.positions - 1, size});
    const bool both = config.position_kind == Positions::kRelativeKeyQuery;
    const Output bias = relative_key_bias(query, key, table, config.positions, both);
    mask = mask ? add(*mask, bias) : bias;
  }
  const Output mixed = merge_heads(attention(query, key, value, mask), config.hidden);
  const Output dense =
      linear(weights, layer + "attention.output.dense", mixed, config.hidden, config.hidden);
  return layer_norm(weights, layer + "attention.output.LayerNorm", add(dense, x), config.hidden,
                    config.epsilon);
}

Result<Output> feed_forward(Weights& weights, const BertConfig& config, const std::string& layer,
                            const Output& x) {
  const Output wide =
      linear(weights, layer + "intermediate.dense", x, config.hidden, config.intermediate);
  ACCEL_ASSIGN(const Output active, activation(config.activation, wide));
  const Output narrow =
      linear(weights, layer + "output.dense", active, config.intermediate, config.hidden);
  return layer_norm(weights, layer + "output.LayerNorm", add(narrow, x), config.hidden,
                    config.epsilon);
}

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const BertConfig config, read_config(context.config));
  Weights& weights = context.weights;
  weights.choose_prefix(kPrefixes, "embeddings.word_embeddings.weight");

  const Output ids = *context.inputs.take("input_ids");
  const auto given_mask = context.inputs.take("attention_mask");
  std::optional<Output> mask;
  if (given_mask) mask = additive_mask(*given_mask);

  Output x = embeddings(context, config, ids);
  for (int64_t i = 0; i < config.layers; ++i) {
    const std::string layer = layer_name(i);
    x = self_attention(weights, config, layer, x, mask);
    ACCEL_ASSIGN(x, feed_forward(weights, config, layer, x));
  }
  std::vector<NamedOutput> outputs{{"last_hidden_state", x}};
  if (weights.has("pooler.dense.weight")) {
    const Output first =
        linear(weights, "pooler.dense", first_token(x), config.hidden, config.hidden);
    ACCEL_ASSIGN(const Output pooled, activation("tanh", first));
    outputs.push_back({"pooler_output", pooled});
  }
  return outputs;
}

// --- descriptor --------------------------------------------------------------------------------

constexpr std::array<std::string_view, 1> kArchitectures{"BertModel"};

const std::array<InputSpec, 4> kInputs{{
    {"input_ids", DType::kI64, {-1, -1}, false},
    {"attention_mask", DType::kI64, {-1, -1}, true},
    {"token_type_ids", DType::kI64, {-1, -1}, true},
    {"position_ids", DType::kI64, {-1, -1}, true},
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
