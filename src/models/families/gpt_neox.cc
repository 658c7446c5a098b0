// GPT-NeoX (Black et al., arXiv:2204.06745), also of Pythia: rotary positions on a part of each
// head, and attention and feed-forward side by side.
#include <array>
#include <openvino/op/constant.hpp>
#include <openvino/op/split.hpp>

#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/blocks/decoder.h"
#include "models/blocks/heads.h"
#include "models/blocks/rotary.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace gpt_neox {
namespace {

// --- config ------------------------------------------------------------------------------------

// The analyzer loses the fields on their way through Result.
struct NeoxConfig {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  int64_t vocabulary = 0;
  int64_t positions = 0;  // of training
  int64_t hidden = 0;
  int64_t layers = 0;
  int64_t heads = 1;
  int64_t intermediate = 0;
  double epsilon = 0;
  std::string activation;
  bool side_by_side = true;  // attention and feed-forward read the same states
  bool attention_bias = true;
  bool tied = false;
  std::optional<int64_t> padding;
  Rotary rotary;
};

Result<NeoxConfig> read_config(const Json& json) {
  ConfigReader in(json);
  NeoxConfig config{
      .vocabulary = in.size_or("vocab_size", 50432),
      .positions = in.size_or("max_position_embeddings", 2048),
      .hidden = in.size_or("hidden_size", 6144),
      .layers = in.layers_or("num_hidden_layers", 44),
      .heads = in.size_or("num_attention_heads", 64),
      .intermediate = in.size_or("intermediate_size", 24576),
      .epsilon = in.number_or("layer_norm_eps", 1e-5),
      .activation = in.text_or("hidden_act", "gelu"),
      .side_by_side = in.flag_or("use_parallel_residual", true),
      .attention_bias = in.flag_or("attention_bias", true),
      .tied = in.flag_or("tie_word_embeddings", false),
      .padding = padding_token(json, std::nullopt, in),
  };
  if (config.hidden % config.heads != 0) {
    in.problem("hidden_size: expected a multiple of num_attention_heads");
  }
  config.rotary = read_rotary(in, {.head_size = config.hidden / config.heads,
                                   .positions = config.positions,
                                   .fraction = in.number_or("rotary_pct", 0.25),
                                   .theta_name = "rotary_emb_base"});
  ACCEL_TRY(in.status());
  return config;
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const NeoxConfig config, read_config(json));
  ACCEL_ASSIGN(const int64_t labels, label_count(json));
  return Facts{.hidden_size = config.hidden,
               .layers = config.layers,
               .vocabulary = config.vocabulary,
               .max_positions = config.positions,
               .labels = labels,
               .index_limits = {{"input_ids", config.vocabulary}}};
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 2> kPrefixes{"", "gpt_neox."};

constexpr std::array<std::string_view, 7> kUnused{
    "*.attention.bias",  // the causal mask, of old checkpoints
    "*.attention.masked_bias",
    "*rotary_emb.inv_freq",
    "embed_out.",
    "score.",
    "classifier.",
    "qa_outputs.",
};

DecoderHead head_of(const NeoxConfig& config) {
  return {.hidden = config.hidden,
          .vocabulary = config.vocabulary,
          .padding = config.padding,
          .tied = config.tied,
          .words = "embed_in",
          .logits = "embed_out",
          .tokens = "classifier"};
}

// --- build -------------------------------------------------------------------------------------

// What all layers share.
struct Surroundings {
  Output mask;
  RotaryTable table;
};

// [B, L, H] -> [B, L, H]. The rows of the packed matrix are query, key and value of each head.
Output self_attention(Weights& weights, const NeoxConfig& config, const std::string& layer,
                      const Output& x, const Surroundings& around) {
  const int64_t hidden = config.hidden;
  const bool bias = config.attention_bias;
  const Output packed = linear(weights, layer + "query_key_value", x, hidden, 3 * hidden, bias);
  const Output heads = split_heads(packed, config.heads, 3 * (hidden / config.heads));
  const auto last = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {-1});
  const auto parts = std::make_shared<ov::op::v1::Split>(heads, last, 3);
  const Output query = turn(parts->output(0), around.table);
  const Output key = turn(parts->output(1), around.table);
  const Output mixed = attention(query, key, parts->output(2), around.mask);
  return linear(weights, layer + "dense", merge_heads(mixed, hidden), hidden, hidden, bias);
}

Result<Output> feed_forward(Weights& weights, const NeoxConfig& config, const std::string& layer,
                            const Output& x) {
  const Output wide =
      linear(weights, layer + "dense_h_to_4h", x, config.hidden, config.intermediate);
  ACCEL_ASSIGN(const Output active, activation(config.activation, wide));
  return linear(weights, layer + "dense_4h_to_h", active, config.intermediate, config.hidden);
}

Output norm(Weights& weights, const NeoxConfig& config, const std::string& name, const Output& x) {
  return layer_norm(weights, name, x, config.hidden, config.epsilon);
}

// All layers and the norm behind them: [B, L, H] -> [B, L, H].
Result<Output> decoder(BuildContext& context, const NeoxConfig& config, Output x,
                       const Surroundings& around) {
  Weights& weights = context.weights;
  for (int64_t i = 0; i < config.layers; ++i) {
    context.keep_state(x);
    const std::string layer = "layers." + std::to_string(i) + ".";
    const Output before = norm(weights, config, layer + "input_layernorm", x);
    const Output mixed = self_attention(weights, config, layer + "attention.", before, around);
    const Output attended = add(x, mixed);
    const Output between = norm(weights, config, layer + "post_attention_layernorm",
                                config.side_by_side ? x : attended);
    ACCEL_ASSIGN(const Output fed, feed_forward(weights, config, layer + "mlp.", between));
    x = add(attended, fed);
  }
  x = norm(weights, config, "final_layer_norm", x);
  context.keep_state(x);
  return x;
}

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const NeoxConfig config, read_config(context.config));
  Weights& weights = context.weights;
  weights.choose_prefix(kPrefixes, "embed_in.weight");
  const Output ids = *context.inputs.take("input_ids");
  const Output mask = sight_mask(ids, context.inputs.take("attention_mask"), {});
  const auto given = context.inputs.take("position_ids");
  const RotaryTable table = rotary_table(config.rotary, given ? *given : positions_of(ids));
  const Output words = embedding(weights, "embed_in.weight", ids, config.vocabulary, config.hidden);
  ACCEL_ASSIGN(const Output x, decoder(context, config, words, {mask, table}));
  return decoder_outputs(context, head_of(config), ids, x);
}

// --- descriptor --------------------------------------------------------------------------------

constexpr std::array<Architecture, 5> kArchitectures{{
    {"GPTNeoXModel", Head::kBase},
    {"GPTNeoXForCausalLM", Head::kCausalLm},
    {"GPTNeoXForSequenceClassification", Head::kSequenceClassification},
    {"GPTNeoXForTokenClassification", Head::kTokenClassification},
    {"GPTNeoXForQuestionAnswering", Head::kQuestionAnswering},
}};

const std::array<InputSpec, 3> kInputs{{
    {"input_ids", DType::kI64, {-1, -1}, Needed::kAlways},
    {"attention_mask", DType::kI64, {-1, -1}, Needed::kUsually, "input_ids"},
    {"position_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
}};

}  // namespace
}  // namespace gpt_neox

const Family kGptNeox{
    .model_type = "gpt_neox",
    .title = "GPT-NeoX",
    .reference = "arXiv:2204.06745",
    .tokenizer = "GPT2Tokenizer",
    .architectures = gpt_neox::kArchitectures,
    .inputs = gpt_neox::kInputs,
    .unused_weights = gpt_neox::kUnused,
    .facts = gpt_neox::facts,
    .build = gpt_neox::build,
};

}  // namespace accel::models
