// ModernBERT (Warner et al., arXiv:2412.13663): rotary positions, gated feed-forward blocks, and
// attention that sees the whole text in some layers and a window of it in the others.
#include <array>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/cum_sum.hpp>
#include <openvino/op/equal.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/reduce_max.hpp>
#include <openvino/op/reduce_mean.hpp>
#include <openvino/op/reduce_sum.hpp>

#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/blocks/heads.h"
#include "models/blocks/pooling.h"
#include "models/blocks/rotary.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace modernbert {
namespace {

// --- config ------------------------------------------------------------------------------------

constexpr std::string_view kFull = "full_attention";
constexpr std::string_view kSliding = "sliding_attention";

// The analyzer loses the fields on their way through Result.
struct ModernBertConfig {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  int64_t vocabulary = 0;
  int64_t hidden = 0;
  int64_t heads = 1;
  int64_t intermediate = 0;
  int64_t positions = 0;
  std::vector<bool> sliding;  // by layer
  int64_t window = 0;         // tokens to either side, in sliding layers
  Rotary full_rotary, sliding_rotary;
  double epsilon = 0;
  std::string activation;
  std::string head_activation;
  bool attention_bias = false;
  bool feed_forward_bias = false;
  bool norm_bias = false;
  bool head_bias = false;
  bool decoder_bias = true;
  bool mean_pooling = false;  // of classifiers
};

// By "layer_types", or by the number of which each multiple is a full layer.
std::vector<bool> read_sliding(ConfigReader& in) {
  const int64_t layers = in.layers_or("num_hidden_layers", 22);
  const int64_t every = in.size_or("global_attn_every_n_layers", 3);
  std::vector<std::string> usual;
  for (int64_t i = 0; i < layers; ++i) usual.emplace_back(i % every == 0 ? kFull : kSliding);
  std::vector<bool> sliding;
  for (const std::string& type : in.texts_or("layer_types", usual)) {
    if (type != kFull && type != kSliding) {
      in.problem("layer_types: expected full_attention or sliding_attention, found " + type);
    }
    sliding.push_back(type == kSliding);
  }
  if (static_cast<int64_t>(sliding.size()) != layers) {
    in.problem("layer_types: expected as many as num_hidden_layers");
  }
  return sliding;
}

// What the reference library reads as two kinds of layers, each with its rotary parameters.
void read_rotaries(ConfigReader& in, ModernBertConfig& config) {
  const int64_t size = config.hidden / config.heads;
  config.full_rotary = read_rotary(in, {.head_size = size,
                                        .positions = config.positions,
                                        .theta = 160000,
                                        .layer_type = kFull,
                                        .theta_name = "global_rope_theta"});
  config.sliding_rotary = read_rotary(in, {.head_size = size,
                                           .positions = config.positions,
                                           .theta = 10000,
                                           .layer_type = kSliding,
                                           .theta_name = "local_rope_theta"});
}

Result<ModernBertConfig> read_config(const Json& json) {
  ConfigReader in(json);
  ModernBertConfig config{
      .vocabulary = in.size_or("vocab_size", 50368),
      .hidden = in.size_or("hidden_size", 768),
      .heads = in.size_or("num_attention_heads", 12),
      .intermediate = in.size_or("intermediate_size", 1152),
      .positions = in.size_or("max_position_embeddings", 8192),
      .sliding = read_sliding(in),
      .window = in.count_or("local_attention", 128) / 2,
      .full_rotary = {},
      .sliding_rotary = {},
      .epsilon = in.number_or("norm_eps", 1e-5),
      .activation = in.text_or("hidden_activation", "gelu"),
      .head_activation = in.text_or("classifier_activation", "gelu"),
      .attention_bias = in.flag_or("attention_bias", false),
      .feed_forward_bias = in.flag_or("mlp_bias", false),
      .norm_bias = in.flag_or("norm_bias", false),
      .head_bias = in.flag_or("classifier_bias", false),
      .decoder_bias = in.flag_or("decoder_bias", true),
  };
  const std::string pooling = in.text_or("classifier_pooling", "cls");
  config.mean_pooling = pooling == "mean";
  if (pooling != "cls" && pooling != "mean") {
    in.problem("classifier_pooling: expected cls or mean, found " + pooling);
  }
  if (config.hidden % config.heads != 0) {
    in.problem("hidden_size: expected a multiple of num_attention_heads");
  } else {
    read_rotaries(in, config);
  }
  ACCEL_TRY(in.status());
  return config;
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const ModernBertConfig config, read_config(json));
  ACCEL_ASSIGN(const int64_t labels, label_count(json));
  return Facts{.hidden_size = config.hidden,
               .layers = static_cast<int64_t>(config.sliding.size()),
               .vocabulary = config.vocabulary,
               .max_positions = config.positions,
               .labels = labels,
               .index_limits = {{"input_ids", config.vocabulary}}};
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 2> kPrefixes{"", "model."};

constexpr std::string_view kWords = "embeddings.tok_embeddings.weight";

constexpr std::array<std::string_view, 3> kUnused{
    "head.",
    "decoder.",
    "classifier.",
};

// --- build -------------------------------------------------------------------------------------

Output norm(Weights& weights, const ModernBertConfig& config, const std::string& name,
            const Output& x) {
  return layer_norm(weights, name, x, config.hidden, config.epsilon, config.norm_bias);
}

// Self-attention without its residual: [B, L, H] -> [B, L, H].
Output self_attention(Weights& weights, const ModernBertConfig& config, const std::string& layer,
                      const Output& x, const RotaryTable& rotary,
                      const std::optional<Output>& mask) {
  const Output packed =
      linear(weights, layer + "Wqkv", x, config.hidden, 3 * config.hidden, config.attention_bias);
  const auto [query, key, value] =
      split_packed_heads(packed, config.heads, config.hidden / config.heads);
  const Output mixed = attention(turn(query, rotary), turn(key, rotary), value, mask);
  return linear(weights, layer + "Wo", merge_heads(mixed, config.hidden), config.hidden,
                config.hidden, config.attention_bias);
}

// Of the packed halves, the first is the gate.
Result<Output> feed_forward(Weights& weights, const ModernBertConfig& config,
                            const std::string& layer, const Output& x) {
  const auto [gate, up] = halves(linear(weights, layer + "Wi", x, config.hidden,
                                        2 * config.intermediate, config.feed_forward_bias));
  ACCEL_ASSIGN(const Output wide, gated(config.activation, gate, up));
  return linear(weights, layer + "Wo", wide, config.intermediate, config.hidden,
                config.feed_forward_bias);
}

// The states behind the last norm, [B, L, H]. As the reference library records them, the last of
// the hidden states is behind that norm, too.
Result<Output> encoder(BuildContext& context, const ModernBertConfig& config, const Output& ids) {
  Weights& weights = context.weights;
  const auto given = context.inputs.take("position_ids");
  const Output positions = given ? *given : positions_of(ids);
  const RotaryTable full_rotary = rotary_table(config.full_rotary, positions);
  const RotaryTable sliding_rotary = rotary_table(config.sliding_rotary, positions);
  const auto full_mask = additive_mask(context.inputs.take("attention_mask"));
  Output sliding_mask = window_mask(ids, config.window, config.window);
  if (full_mask) sliding_mask = minimum(sliding_mask, *full_mask);

  Output x = embedding(weights, std::string(kWords), ids, config.vocabulary, config.hidden);
  x = norm(weights, config, "embeddings.norm", x);
  for (size_t i = 0; i < config.sliding.size(); ++i) {
    context.keep_state(x);
    const std::string layer = "layers." + std::to_string(i) + ".";
    // The embeddings are normalised already.
    const Output normal = i == 0 ? x : norm(weights, config, layer + "attn_norm", x);
    x = add(x, config.sliding[i] ? self_attention(weights, config, layer + "attn.", normal,
                                                  sliding_rotary, sliding_mask)
                                 : self_attention(weights, config, layer + "attn.", normal,
                                                  full_rotary, full_mask));
    ACCEL_ASSIGN(const Output more, feed_forward(weights, config, layer + "mlp.",
                                                 norm(weights, config, layer + "mlp_norm", x)));
    x = add(x, more);
  }
  x = norm(weights, config, "final_norm", x);
  context.keep_state(x);
  return x;
}

// What all heads begin with: dense, activation and norm.
Result<Output> prediction_head(Weights& weights, const ModernBertConfig& config, const Output& x) {
  const Output dense =
      linear(weights, "head.dense", x, config.hidden, config.hidden, config.head_bias);
  ACCEL_ASSIGN(const Output active, activation(config.head_activation, dense));
  return norm(weights, config, "head.norm", active);
}

// The first real token, wherever padding puts it: [B, L, H] -> [B, H].
Output first_real_token(const Output& x, const Output& mask) {
  const auto along = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {1});
  const auto zero = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {0});
  const auto counted = std::make_shared<ov::op::v0::CumSum>(mask, along);
  const auto before = std::make_shared<ov::op::v0::Convert>(
      std::make_shared<ov::op::v1::Equal>(counted, zero), ov::element::i64);
  const auto index = std::make_shared<ov::op::v1::ReduceSum>(before, along);
  const auto any = std::make_shared<ov::op::v1::ReduceMax>(mask, along);  // none: the first token
  return std::make_shared<ov::op::v8::Gather>(x, multiply(index, any), along, 1);
}

// One vector per sequence for the classifier: [B, L, H] -> [B, H].
Output pooled(BuildContext& context, const ModernBertConfig& config, const Output& x) {
  const auto mask = context.inputs.take("attention_mask");
  if (config.mean_pooling) {
    constexpr std::array<Pooling, 1> kMean{Pooling::kMean};
    if (mask) return pool(kMean, x, *mask);
    return std::make_shared<ov::op::v1::ReduceMean>(x, integers({1}));
  }
  const bool search = context.head == Head::kMultipleChoice && mask;
  return search ? first_real_token(x, *mask) : first_token(x);
}

Result<std::vector<NamedOutput>> head(BuildContext& context, const ModernBertConfig& config,
                                      const Output& x) {
  Weights& weights = context.weights;
  const int64_t hidden = config.hidden;
  switch (context.head) {
    case Head::kMaskedLm: {
      ACCEL_ASSIGN(const Output ready, prediction_head(weights, config, x));
      const bool own = weights.has("decoder.weight");
      const Output table =
          weights.get(own ? "decoder.weight" : std::string(kWords), {config.vocabulary, hidden});
      Output logits = std::make_shared<ov::op::v0::MatMul>(ready, table, false, true);
      if (config.decoder_bias)
        logits = add(logits, weights.get("decoder.bias", {config.vocabulary}));
      return std::vector<NamedOutput>{{"logits", logits}};
    }
    case Head::kMultipleChoice:
    case Head::kSequenceClassification: {
      ACCEL_ASSIGN(const int64_t labels, label_count(context));
      ACCEL_ASSIGN(const Output ready,
                   prediction_head(weights, config, pooled(context, config, x)));
      return std::vector<NamedOutput>{
          {"logits", linear(weights, "classifier", ready, hidden, labels)}};
    }
    case Head::kTokenClassification: {
      ACCEL_ASSIGN(const int64_t labels, label_count(context));
      ACCEL_ASSIGN(const Output ready, prediction_head(weights, config, x));
      return std::vector<NamedOutput>{
          {"logits", linear(weights, "classifier", ready, hidden, labels)}};
    }
    case Head::kQuestionAnswering: {
      ACCEL_ASSIGN(const Output ready, prediction_head(weights, config, x));
      return span_logits(weights, "classifier", ready, hidden);
    }
    default: return std::vector<NamedOutput>{{"last_hidden_state", x}};
  }
}

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const ModernBertConfig config, read_config(context.config));
  context.weights.choose_prefix(kPrefixes, kWords);
  const Output ids = *context.inputs.take("input_ids");
  ACCEL_ASSIGN(const Output x, encoder(context, config, ids));
  return head(context, config, x);
}

// --- descriptor --------------------------------------------------------------------------------

constexpr std::array<Architecture, 6> kArchitectures{{
    {"ModernBertModel", Head::kBase},
    {"ModernBertForMaskedLM", Head::kMaskedLm},
    {"ModernBertForSequenceClassification", Head::kSequenceClassification},
    {"ModernBertForTokenClassification", Head::kTokenClassification},
    {"ModernBertForQuestionAnswering", Head::kQuestionAnswering},
    {"ModernBertForMultipleChoice", Head::kMultipleChoice},
}};

const std::array<InputSpec, 3> kInputs{{
    {"input_ids", DType::kI64, {-1, -1}, Needed::kAlways},
    {"attention_mask", DType::kI64, {-1, -1}, Needed::kUsually, "input_ids"},
    {"position_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
}};

}  // namespace
}  // namespace modernbert

const Family kModernBert{
    .model_type = "modernbert",
    .title = "ModernBERT",
    .reference = "arXiv:2412.13663",
    .architectures = modernbert::kArchitectures,
    .inputs = modernbert::kInputs,
    .unused_weights = modernbert::kUnused,
    .facts = modernbert::facts,
    .build = modernbert::build,
};

}  // namespace accel::models
