#include "models/blocks/pre_norm_encoder.h"

#include <openvino/op/constant.hpp>
#include <openvino/op/split.hpp>

#include "base/try.h"
#include "models/blocks/blocks.h"

namespace accel::models {
namespace {

Output scaled(Weights& weights, const std::string& name, const std::string& layer, const Output& x,
              int64_t hidden) {
  return name.empty() ? x : multiply(x, weights.get(layer + name, {hidden}));
}

// Self-attention with its output projection: [B, L, H] -> [B, L, H].
Output self_attention(Weights& weights, const PreNormEncoder& config, const std::string& layer,
                      const Output& x, const std::optional<Output>& mask) {
  const auto project = [&](const std::string& name, bool bias) {
    const Output y = linear(weights, layer + name, x, config.hidden, config.hidden, bias);
    return split_heads(y, config.heads, config.hidden / config.heads);
  };
  const PreNormNames& names = config.names;
  const Output query = project(names.query, config.query_bias);
  const Output key = project(names.key, config.key_bias);
  const Output value = project(names.value, config.value_bias);
  const Output mixed = merge_heads(attention(query, key, value, mask), config.hidden);
  return linear(weights, layer + names.output, mixed, config.hidden, config.hidden);
}

Result<Output> feed_forward(Weights& weights, const PreNormEncoder& config,
                            const std::string& layer, const Output& x) {
  const int64_t width = config.intermediate;
  const PreNormNames& names = config.names;
  const Output wide =
      linear(weights, layer + names.up, x, config.hidden, config.gated ? 2 * width : width);
  if (!config.gated) {
    ACCEL_ASSIGN(const Output active, activation(config.activation, wide));
    return linear(weights, layer + names.down, active, width, config.hidden);
  }
  const auto last = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {-1});
  const auto halves = std::make_shared<ov::op::v1::Split>(wide, last, 2);
  ACCEL_ASSIGN(const Output gate, activation("silu", halves->output(0)));
  return linear(weights, layer + names.down, multiply(gate, halves->output(1)), width,
                config.hidden);
}

}  // namespace

const PreNormNames& vit_layer_names() {
  static const PreNormNames names{
      .layers = "encoder.layer.",
      .attention_norm = "layernorm_before",
      .query = "attention.attention.query",
      .key = "attention.attention.key",
      .value = "attention.attention.value",
      .output = "attention.output.dense",
      .attention_scale = "",
      .feed_forward_norm = "layernorm_after",
      .up = "intermediate.dense",
      .down = "output.dense",
      .feed_forward_scale = "",
  };
  return names;
}

PreNormEncoder read_pre_norm_encoder(ConfigReader& in, const PreNormDefaults& defaults) {
  PreNormEncoder config{
      .hidden = in.size_or("hidden_size", defaults.hidden),
      .layers = in.layers_or("num_hidden_layers", 12),
      .heads = in.size_or("num_attention_heads", defaults.heads),
      .intermediate = in.size_or("intermediate_size", defaults.intermediate),
      .epsilon = in.number_or("layer_norm_eps", defaults.epsilon),
      .activation = in.text_or("hidden_act", defaults.activation),
      .names = vit_layer_names(),
  };
  if (config.hidden % config.heads != 0) {
    in.problem("hidden_size: expected a multiple of num_attention_heads");
  }
  in.expect("pruned_heads", Json::object(), "pruned heads are not built");
  return config;
}

Result<Output> pre_norm_layer(Weights& weights, const PreNormEncoder& encoder, int64_t index,
                              const Output& x, const std::optional<Output>& mask) {
  const PreNormNames& names = encoder.names;
  const int64_t hidden = encoder.hidden;
  const std::string layer = names.layers + std::to_string(index) + ".";
  const Output normal =
      layer_norm(weights, layer + names.attention_norm, x, hidden, encoder.epsilon);
  const Output mixed = self_attention(weights, encoder, layer, normal, mask);
  const Output middle = add(scaled(weights, names.attention_scale, layer, mixed, hidden), x);
  const Output again =
      layer_norm(weights, layer + names.feed_forward_norm, middle, hidden, encoder.epsilon);
  ACCEL_ASSIGN(const Output fed, feed_forward(weights, encoder, layer, again));
  return add(scaled(weights, names.feed_forward_scale, layer, fed, hidden), middle);
}

Result<Output> pre_norm_encoder(BuildContext& context, const PreNormEncoder& encoder, Output x,
                                const std::optional<Output>& mask, std::string_view group) {
  context.keep_state(x, group);
  for (int64_t i = 0; i < encoder.layers; ++i) {
    ACCEL_ASSIGN(x, pre_norm_layer(context.weights, encoder, i, x, mask));
    context.keep_state(x, group);
  }
  return x;
}

}  // namespace accel::models
