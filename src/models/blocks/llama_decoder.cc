#include "models/blocks/llama_decoder.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <openvino/op/constant.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/softmax.hpp>
#include <openvino/op/variadic_split.hpp>
#include <utility>

#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/blocks/heads.h"

namespace accel::models {
namespace {

// Llama's question answering calls its decoder "transformer".
constexpr std::array<std::string_view, 3> kPrefixes{"", "model.", "transformer."};

// What the layers of one kind have in common.
struct Surroundings {
  Output mask;
  RotaryTable table;
};

struct Heads {
  Output query;  // [B, A, L, D]
  Output key;    // [B, K, L, D]
  Output value;
};

Heads project(Weights& weights, const LlamaDecoder& config, const std::string& layer,
              const Output& x) {
  const int64_t wide = config.heads * config.head_size;
  const int64_t narrow = config.kv_heads * config.head_size;
  const auto heads = [&](const Output& rows, int64_t count) {
    return split_heads(rows, count, config.head_size);
  };
  if (config.packed) {
    const Output rows =
        linear(weights, layer + "qkv_proj", x, config.hidden, wide + 2 * narrow, config.query_bias);
    const auto last = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {-1});
    const auto parts =
        std::make_shared<ov::op::v1::VariadicSplit>(rows, last, integers({wide, narrow, narrow}));
    return {heads(parts->output(0), config.heads), heads(parts->output(1), config.kv_heads),
            heads(parts->output(2), config.kv_heads)};
  }
  const auto rows = [&](const char* name, int64_t size) {
    return linear(weights, layer + name, x, config.hidden, size, config.query_bias);
  };
  return {heads(rows("q_proj", wide), config.heads), heads(rows("k_proj", narrow), config.kv_heads),
          heads(rows("v_proj", narrow), config.kv_heads)};
}

// attention() with a cap on the scores, which the engine's own operation does not have.
Output capped_attention(const Heads& at, const Output& mask, double scale, double cap) {
  const Output query = multiply(at.query, scalar(static_cast<float>(scale)));
  const Output scores = std::make_shared<ov::op::v0::MatMul>(query, at.key, false, true);
  const Output masked = add(soft_cap(scores, cap), mask);
  const Output weights = std::make_shared<ov::op::v8::Softmax>(masked, -1);
  return std::make_shared<ov::op::v0::MatMul>(weights, at.value);
}

// [B, L, H] -> [B, L, H].
Output self_attention(Weights& weights, const LlamaDecoder& config, const std::string& layer,
                      const Output& x, const Surroundings& around) {
  Heads at = project(weights, config, layer, x);
  if (config.head_norms) {
    at.query = rms_norm(weights, layer + "q_norm", at.query, config.head_size, config.epsilon,
                        config.norm_offset);
    at.key = rms_norm(weights, layer + "k_norm", at.key, config.head_size, config.epsilon,
                      config.norm_offset);
  }
  at.query = turn(at.query, around.table);
  at.key = turn(at.key, around.table);
  // Keys and values of earlier tokens would stand in front of these here.
  at.key = repeat_heads(at.key, config.heads / config.kv_heads);
  at.value = repeat_heads(at.value, config.heads / config.kv_heads);
  const double usual = 1.0 / std::sqrt(static_cast<double>(config.head_size));
  const Output mixed =
      config.score_cap > 0
          ? capped_attention(at, around.mask, config.scale.value_or(usual), config.score_cap)
          : attention(at.query, at.key, at.value, around.mask, {.scale = config.scale});
  const int64_t wide = config.heads * config.head_size;
  return linear(weights, layer + "o_proj", merge_heads(mixed, wide), wide, config.hidden,
                config.output_bias);
}

// down(activation(gate(x)) * up(x)): [B, L, H] -> [B, L, H].
Result<Output> feed_forward(Weights& weights, const LlamaDecoder& config, const std::string& layer,
                            const Output& x) {
  const bool bias = config.feed_forward_bias;
  if (!config.packed) {
    return gated_feed_forward(weights, layer, {config.hidden, config.intermediate, bias},
                              config.activation, x);
  }
  const auto [gate, up] = halves(
      linear(weights, layer + "gate_up_proj", x, config.hidden, 2 * config.intermediate, bias));
  ACCEL_ASSIGN(const Output active, gated(config.activation, gate, up));
  return linear(weights, layer + "down_proj", active, config.intermediate, config.hidden, bias);
}

Output norm(Weights& weights, const LlamaDecoder& config, const std::string& name,
            const Output& x) {
  return rms_norm(weights, name, x, config.hidden, config.epsilon, config.norm_offset);
}

// [B, L, H] -> [B, L, H].
Result<Output> decoder_layer(Weights& weights, const LlamaDecoder& config, const std::string& layer,
                             const Output& x, const Surroundings& around) {
  const Output before = norm(weights, config, layer + "input_layernorm", x);
  Output mixed = self_attention(weights, config, layer + "self_attn.", before, around);
  if (config.norms_behind) {
    mixed = norm(weights, config, layer + "post_attention_layernorm", mixed);
  }
  const Output attended = add(x, mixed);
  const char* between =
      config.norms_behind ? "pre_feedforward_layernorm" : "post_attention_layernorm";
  ACCEL_ASSIGN(Output fed, feed_forward(weights, config, layer + "mlp.",
                                        norm(weights, config, layer + between, attended)));
  if (config.norms_behind) fed = norm(weights, config, layer + "post_feedforward_layernorm", fed);
  return add(attended, fed);
}

DecoderHead head_of(const LlamaDecoder& config) {
  return {.hidden = config.hidden,
          .vocabulary = config.vocabulary,
          .padding = config.padding,
          .tied = config.tied,
          .words = "embed_tokens",
          .logits = "lm_head",
          .tokens = "score",
          .softcap = config.logit_cap};
}

}  // namespace

LlamaDecoder read_llama_decoder(const Json& json, ConfigReader& in, const LlamaDefaults& defaults) {
  LlamaDecoder config{
      .vocabulary = in.size_or("vocab_size", defaults.vocabulary),
      .hidden = in.size_or("hidden_size", defaults.hidden),
      .layers = in.layers_or("num_hidden_layers", defaults.layers),
      .heads = in.size_or("num_attention_heads", defaults.heads),
      .intermediate = in.size_or("intermediate_size", defaults.intermediate),
      .positions = in.size_or("max_position_embeddings", defaults.positions),
      .epsilon = in.number_or("rms_norm_eps", defaults.epsilon),
      .activation = in.text_or(defaults.activation_name, defaults.activation),
      .tied = in.flag_or("tie_word_embeddings", defaults.tied),
      .padding = padding_token(json, defaults.padding, in),
  };
  const bool grouped = defaults.kv_heads > 0 && !is_null(json, "num_key_value_heads");
  config.kv_heads = in.size_or("num_key_value_heads", grouped ? defaults.kv_heads : config.heads);
  const bool own_size = defaults.head_size > 0 && !is_null(json, "head_dim");
  if (!own_size && !json.contains("head_dim") && config.hidden % config.heads != 0) {
    in.problem(
        "hidden_size: expected a multiple of num_attention_heads where there is no head_dim");
  }
  config.head_size =
      in.size_or("head_dim", own_size ? defaults.head_size
                                      : std::max<int64_t>(config.hidden / config.heads, 1));
  if (config.heads % config.kv_heads != 0) {
    in.problem("num_attention_heads: expected a multiple of num_key_value_heads");
  }
  config.slides.assign(static_cast<size_t>(config.layers), false);
  return config;
}

bool is_null(const Json& json, std::string_view name) {
  const auto found = json.is_object() ? json.find(name) : json.end();
  return found != json.end() && found->is_null();
}

int64_t read_window(const Json& json, ConfigReader& in, int64_t fallback) {
  return is_null(json, "sliding_window") ? 0 : in.size_or("sliding_window", fallback);
}

double read_cap(const Json& json, ConfigReader& in, std::string_view name, double fallback) {
  if (is_null(json, name)) return 0;
  const double cap = in.number_or(name, fallback);
  if (cap < 0) in.problem(fmt::format("{}: expected a number above 0 or null", name));
  return cap;
}

std::vector<bool> read_layer_types(const Json& json, ConfigReader& in,
                                   std::vector<bool> otherwise) {
  const auto found = json.is_object() ? json.find("layer_types") : json.end();
  if (found == json.end() || found->is_null()) return otherwise;
  std::vector<bool> slides;
  for (const Json& type : *found) {
    const bool sliding = type == "sliding_attention";
    if (!found->is_array() || (!sliding && type != "full_attention")) {
      in.problem("layer_types: expected a list of full_attention and sliding_attention");
      return otherwise;
    }
    slides.push_back(sliding);
  }
  if (slides.size() == otherwise.size()) return slides;
  in.problem("layer_types: expected one for each of num_hidden_layers");
  return otherwise;
}

Result<Facts> llama_facts(const LlamaDecoder& decoder, const Json& json) {
  ACCEL_ASSIGN(const int64_t labels, label_count(json));
  const bool grows = decoder.full.rotary.factor > 0;  // dynamic NTK follows the text's length
  const int64_t limit = grows ? 0 : decoder.positions;
  return Facts{.hidden_size = decoder.hidden,
               .layers = decoder.layers,
               .vocabulary = decoder.vocabulary,
               .max_positions = limit,
               .labels = labels,
               .index_limits = {{"input_ids", decoder.vocabulary}}};
}

Result<std::vector<NamedOutput>> build_llama_decoder(BuildContext& context,
                                                     const LlamaDecoder& decoder) {
  Weights& weights = context.weights;
  weights.choose_prefix(kPrefixes, "embed_tokens.weight");
  const Output ids = *context.inputs.take("input_ids");
  const auto real = context.inputs.take("attention_mask");
  const auto given = context.inputs.take("position_ids");
  const Output positions = given ? *given : positions_of(ids);
  const auto surroundings = [&](const LayerKind& kind) {
    return Surroundings{sight_mask(ids, real, kind.sight), rotary_table(kind.rotary, positions)};
  };
  std::array<std::optional<Surroundings>, 2> of_kind;  // made for the kinds that occur
  Output x = embedding(weights, "embed_tokens.weight", ids, decoder.vocabulary, decoder.hidden);
  if (decoder.embedding_scale != 1) {
    x = multiply(x, scalar(static_cast<float>(decoder.embedding_scale)));
  }
  for (int64_t i = 0; i < decoder.layers; ++i) {
    context.keep_state(x);
    const bool slides = decoder.slides[static_cast<size_t>(i)];
    std::optional<Surroundings>& around = of_kind[slides ? 1 : 0];
    if (!around) around = surroundings(slides ? decoder.sliding : decoder.full);
    const std::string layer = "layers." + std::to_string(i) + ".";
    ACCEL_ASSIGN(x, decoder_layer(weights, decoder, layer, x, *around));
  }
  x = norm(weights, decoder, "norm", x);
  context.keep_state(x);
  return decoder_outputs(context, head_of(decoder), ids, x);
}

}  // namespace accel::models
