#include "models/blocks/bert_encoder.h"

#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/blocks/heads.h"
#include "models/blocks/relative_position.h"

namespace accel::models {
namespace {

std::string inside(const std::string& layer, std::string_view name) {
  return layer + std::string(name);
}

Output self_attention(Weights& weights, const BertEncoder& encoder, const std::string& layer,
                      const Output& x, std::optional<Output> mask) {
  const auto [query, key, value] = attention_inputs(weights, encoder, layer, x);
  if (encoder.position_kind != Positions::kAbsolute) {
    const Output table = weights.get(inside(layer, encoder.names.distance),
                                     {2 * encoder.positions - 1, encoder.hidden / encoder.heads});
    const bool both = encoder.position_kind == Positions::kRelativeKeyQuery;
    const Output bias =
        relative_key_bias(query, key, table, encoder.positions, both, encoder.scaled_positions);
    mask = mask ? add(*mask, bias) : bias;
  }
  return attention(query, key, value, mask);
}

Result<Output> feed_forward(Weights& weights, const BertEncoder& encoder, const std::string& layer,
                            const Output& x) {
  const BertLayerNames& names = encoder.names;
  const Output wide =
      linear(weights, inside(layer, names.wide), x, encoder.hidden, encoder.intermediate);
  ACCEL_ASSIGN(const Output active, activation(encoder.activation, wide));
  const Output narrow =
      linear(weights, inside(layer, names.narrow), active, encoder.intermediate, encoder.hidden);
  return layer_norm(weights, inside(layer, names.norm), add(narrow, x), encoder.hidden,
                    encoder.epsilon);
}

}  // namespace

BertEncoder read_bert_encoder(ConfigReader& in, const BertDefaults& defaults) {
  BertEncoder encoder{
      .hidden = in.size_or("hidden_size", defaults.hidden),
      .layers = in.layers_or("num_hidden_layers", defaults.layers),
      .heads = in.size_or("num_attention_heads", defaults.heads),
      .intermediate = in.size_or("intermediate_size", defaults.intermediate),
      .positions = in.size_or("max_position_embeddings", 512),
      .epsilon = in.number_or("layer_norm_eps", defaults.epsilon),
      .activation = in.text_or("hidden_act", defaults.activation),
      .position_kind = Positions::kAbsolute,
      .scaled_positions = true,
      .names = {},
  };
  const std::string kind = in.text_or("position_embedding_type", "absolute");
  if (kind == "relative_key") {
    encoder.position_kind = Positions::kRelativeKey;
  } else if (kind == "relative_key_query") {
    encoder.position_kind = Positions::kRelativeKeyQuery;
  } else if (kind != "absolute") {
    in.problem("position_embedding_type: expected absolute, relative_key or relative_key_query, "
               "found " +
               kind);
  }
  check_bert_encoder(in, encoder);
  return encoder;
}

void check_bert_encoder(ConfigReader& in, const BertEncoder& encoder) {
  if (encoder.hidden % encoder.heads != 0) {
    in.problem("hidden_size: expected a multiple of num_attention_heads");
  }
  in.expect("is_decoder", false, "only the encoder is built");
  in.expect("add_cross_attention", false, "only the encoder is built");
  in.expect("pruned_heads", Json::object(), "pruned heads are not built");
}

Result<Facts> bert_facts(const Json& json, const BertEncoder& encoder,
                         const EmbeddingTables& tables, int64_t max_positions) {
  ACCEL_ASSIGN(const int64_t labels, label_count(json));
  Facts facts{.hidden_size = encoder.hidden,
              .layers = encoder.layers,
              .vocabulary = tables.vocabulary,
              .max_positions = max_positions,
              .labels = labels,
              .index_limits = {{"input_ids", tables.vocabulary}}};
  if (tables.token_types > 0) facts.index_limits.emplace_back("token_type_ids", tables.token_types);
  if (tables.positions > 0) facts.index_limits.emplace_back("position_ids", tables.positions);
  return facts;
}

Output embedding_sum(BuildContext& context, const EmbeddingTables& tables, const Output& ids,
                     const Output& places) {
  Weights& weights = context.weights;
  const int64_t size = tables.size;
  Output x = embedding(weights, "embeddings.word_embeddings.weight", ids, tables.vocabulary, size);
  // The reference library's default: all of type 0.
  const Output types = context.inputs.take("token_type_ids").value_or(integers({0}));
  if (tables.token_types > 0) {
    x = add(x, embedding(weights, "embeddings.token_type_embeddings.weight", types,
                         tables.token_types, size));
  }
  const Output rows = context.inputs.take("position_ids").value_or(places);
  if (tables.positions > 0) {
    x = add(x, embedding(weights, "embeddings.position_embeddings.weight", rows, tables.positions,
                         size));
  }
  return x;
}

AttentionInputs attention_inputs(Weights& weights, const BertEncoder& encoder,
                                 const std::string& layer, const Output& x) {
  const auto project = [&](std::string_view name) {
    const Output y = linear(weights, inside(layer, name), x, encoder.hidden, encoder.hidden);
    return split_heads(y, encoder.heads, encoder.hidden / encoder.heads);
  };
  const BertLayerNames& names = encoder.names;
  return {project(names.query), project(names.key), project(names.value)};
}

Result<Output> after_attention(Weights& weights, const BertEncoder& encoder,
                               const std::string& layer, const Output& mixed, const Output& x) {
  const BertLayerNames& names = encoder.names;
  const Output dense = linear(weights, inside(layer, names.mixed),
                              merge_heads(mixed, encoder.hidden), encoder.hidden, encoder.hidden);
  const Output normal = layer_norm(weights, inside(layer, names.mixed_norm), add(dense, x),
                                   encoder.hidden, encoder.epsilon);
  return feed_forward(weights, encoder, layer, normal);
}

Result<Output> bert_layer(Weights& weights, const BertEncoder& encoder, const std::string& layer,
                          const Output& x, std::optional<Output> mask) {
  const Output mixed = self_attention(weights, encoder, layer, x, std::move(mask));
  return after_attention(weights, encoder, layer, mixed, x);
}

Result<Output> bert_encoder(BuildContext& context, const BertEncoder& encoder, Output x,
                            const std::optional<Output>& mask, std::string_view stack) {
  context.keep_state(x);
  for (int64_t i = 0; i < encoder.layers; ++i) {
    const std::string layer = std::string(stack) + "." + std::to_string(i) + ".";
    ACCEL_ASSIGN(x, bert_layer(context.weights, encoder, layer, x, mask));
    context.keep_state(x);
  }
  return x;
}

Result<Output> bert_pooler(Weights& weights, const Output& x, int64_t hidden,
                           const std::string& name) {
  return activation("tanh", linear(weights, name, first_token(x), hidden, hidden));
}

Result<std::vector<NamedOutput>> bert_states(Weights& weights, const Output& x, int64_t hidden,
                                             const std::string& name) {
  std::vector<NamedOutput> outputs{{"last_hidden_state", x}};
  if (weights.has(name + ".weight")) {
    ACCEL_ASSIGN(const Output pooled, bert_pooler(weights, x, hidden, name));
    outputs.push_back({"pooler_output", pooled});
  }
  return outputs;
}

}  // namespace accel::models
