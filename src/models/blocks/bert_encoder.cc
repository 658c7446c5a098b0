#include "models/blocks/bert_encoder.h"

#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/blocks/relative_position.h"

namespace accel::models {
namespace {

// Self-attention with its output projection and residual: [B, L, H] -> [B, L, H].
Output self_attention(Weights& weights, const BertEncoder& config, const std::string& layer,
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

Result<Output> feed_forward(Weights& weights, const BertEncoder& config, const std::string& layer,
                            const Output& x) {
  const Output wide =
      linear(weights, layer + "intermediate.dense", x, config.hidden, config.intermediate);
  ACCEL_ASSIGN(const Output active, activation(config.activation, wide));
  const Output narrow =
      linear(weights, layer + "output.dense", active, config.intermediate, config.hidden);
  return layer_norm(weights, layer + "output.LayerNorm", add(narrow, x), config.hidden,
                    config.epsilon);
}

}  // namespace

BertEncoder read_bert_encoder(ConfigReader& in, const BertDefaults& defaults) {
  BertEncoder config{
      .hidden = in.size_or("hidden_size", defaults.hidden),
      .layers = in.layers_or("num_hidden_layers", 12),
      .heads = in.size_or("num_attention_heads", defaults.heads),
      .intermediate = in.size_or("intermediate_size", defaults.intermediate),
      .positions = in.size_or("max_position_embeddings", 512),
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
  in.expect("is_decoder", false, "only the encoder is built");
  in.expect("add_cross_attention", false, "only the encoder is built");
  in.expect("pruned_heads", Json::object(), "pruned heads are not built");
  return config;
}

Result<Output> bert_encoder(BuildContext& context, const BertEncoder& encoder, Output x,
                            const std::optional<Output>& mask) {
  context.keep_state(x);
  for (int64_t i = 0; i < encoder.layers; ++i) {
    const std::string layer = "encoder.layer." + std::to_string(i) + ".";
    x = self_attention(context.weights, encoder, layer, x, mask);
    ACCEL_ASSIGN(x, feed_forward(context.weights, encoder, layer, x));
    context.keep_state(x);
  }
  return x;
}

Result<Output> bert_pooler(Weights& weights, const Output& x, int64_t hidden) {
  return activation("tanh", linear(weights, "pooler.dense", first_token(x), hidden, hidden));
}

}  // namespace accel::models
