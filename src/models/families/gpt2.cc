// GPT-2 (Radford et al., "Language Models are Unsupervised Multitask Learners", 2019).
#include <array>
#include <cmath>
#include <openvino/op/constant.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/split.hpp>

#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/blocks/decoder.h"
#include "models/blocks/heads.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace gpt2 {
namespace {

// --- config ------------------------------------------------------------------------------------

// The analyzer loses the fields on their way through Result.
struct Gpt2Config {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  int64_t vocabulary = 0;
  int64_t positions = 0;
  int64_t hidden = 0;
  int64_t layers = 0;
  int64_t heads = 1;
  int64_t intermediate = 0;
  double epsilon = 0;
  std::string activation;
  bool scaled = true;            // scores by 1 / sqrt(size of a head)
  bool scaled_by_layer = false;  // and by 1 / (number of the layer, from 1)
  bool tied = true;
  std::optional<int64_t> padding;
};

Result<Gpt2Config> read_config(const Json& json) {
  ConfigReader in(json);
  Gpt2Config config{
      .vocabulary = in.size_or("vocab_size", 50257),
      .positions = in.size_or("n_positions", in.size_or("max_position_embeddings", 1024)),
      .hidden = in.size_or("n_embd", in.size_or("hidden_size", 768)),
      .layers = in.layers_or("n_layer", in.layers_or("num_hidden_layers", 12)),
      .heads = in.size_or("n_head", in.size_or("num_attention_heads", 12)),
      .epsilon = in.number_or("layer_norm_epsilon", 1e-5),
      .activation = in.text_or("activation_function", "gelu_new"),
      .scaled = in.flag_or("scale_attn_weights", true),
      .scaled_by_layer = in.flag_or("scale_attn_by_inverse_layer_idx", false),
      .tied = in.flag_or("tie_word_embeddings", true),
      .padding = padding_token(json, std::nullopt, in),
  };
  config.intermediate = in.size_or("n_inner", 4 * config.hidden);
  if (config.hidden % config.heads != 0) in.problem("n_embd: expected a multiple of n_head");
  in.expect("add_cross_attention", false, "there is no encoder to attend to");
  in.expect("pruned_heads", Json::object(), "pruned heads are not built");
  ACCEL_TRY(in.status());
  return config;
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const Gpt2Config config, read_config(json));
  ACCEL_ASSIGN(const int64_t labels, label_count(json));
  return Facts{.hidden_size = config.hidden,
               .layers = config.layers,
               .vocabulary = config.vocabulary,
               .max_positions = config.positions,
               .labels = labels,
               .index_limits = {{"input_ids", config.vocabulary},
                                {"token_type_ids", config.vocabulary},
                                {"position_ids", config.positions}}};
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 2> kPrefixes{"", "transformer."};

constexpr std::array<std::string_view, 7> kUnused{
    "*.attn.bias",  // the causal mask, of old checkpoints
    "*.attn.masked_bias", "lm_head.",    "multiple_choice_head.", "score.",
    "classifier.",        "qa_outputs.",
};

DecoderHead head_of(const Gpt2Config& config) {
  return {.hidden = config.hidden,
          .vocabulary = config.vocabulary,
          .padding = config.padding,
          .tied = config.tied,
          .words = "wte",
          .logits = "lm_head",
          .tokens = "classifier"};
}

// --- build -------------------------------------------------------------------------------------

// linear() with the matrix stored the other way round, [in, out] (the reference's Conv1D).
Output dense(Weights& weights, const std::string& name, const Output& x, int64_t in, int64_t out) {
  const Output matrix = weights.get(name + ".weight", {in, out});
  return add(std::make_shared<ov::op::v0::MatMul>(x, matrix, false, false),
             weights.get(name + ".bias", {out}));
}

// Word + position, and of token types their words: [B, L] -> [B, L, H].
Output embeddings(BuildContext& context, const Gpt2Config& config, const Output& ids) {
  Weights& weights = context.weights;
  const auto given = context.inputs.take("position_ids");
  Output x = embedding(weights, "wte.weight", ids, config.vocabulary, config.hidden);
  x = add(x, embedding(weights, "wpe.weight", given ? *given : positions_of(ids), config.positions,
                       config.hidden));
  const auto types = context.inputs.take("token_type_ids");
  if (!types) return x;
  return add(x, embedding(weights, "wte.weight", *types, config.vocabulary, config.hidden));
}

// [B, L, H] -> [B, L, H].
Output self_attention(Weights& weights, const Gpt2Config& config, const std::string& layer,
                      const Output& x, const Output& mask, double scale) {
  const int64_t hidden = config.hidden;
  const Output packed = dense(weights, layer + "c_attn", x, hidden, 3 * hidden);
  const auto last = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {-1});
  const auto parts = std::make_shared<ov::op::v1::Split>(packed, last, 3);
  const auto heads = [&](size_t i) {
    return split_heads(parts->output(i), config.heads, hidden / config.heads);
  };
  const Output mixed = attention(heads(0), heads(1), heads(2), mask, {.scale = scale});
  return dense(weights, layer + "c_proj", merge_heads(mixed, hidden), hidden, hidden);
}

Result<Output> feed_forward(Weights& weights, const Gpt2Config& config, const std::string& layer,
                            const Output& x) {
  const Output wide = dense(weights, layer + "c_fc", x, config.hidden, config.intermediate);
  ACCEL_ASSIGN(const Output active, activation(config.activation, wide));
  return dense(weights, layer + "c_proj", active, config.intermediate, config.hidden);
}

// All layers and the norm behind them: [B, L, H] -> [B, L, H].
Result<Output> decoder(BuildContext& context, const Gpt2Config& config, Output x,
                       const Output& mask) {
  Weights& weights = context.weights;
  for (int64_t i = 0; i < config.layers; ++i) {
    context.keep_state(x);
    const std::string layer = "h." + std::to_string(i) + ".";
    const auto size = static_cast<double>(config.hidden) / static_cast<double>(config.heads);
    const double scale = (config.scaled ? 1.0 / std::sqrt(size) : 1.0) /
                         (config.scaled_by_layer ? static_cast<double>(i + 1) : 1.0);
    const Output before = layer_norm(weights, layer + "ln_1", x, config.hidden, config.epsilon);
    x = add(x, self_attention(weights, config, layer + "attn.", before, mask, scale));
    const Output between = layer_norm(weights, layer + "ln_2", x, config.hidden, config.epsilon);
    ACCEL_ASSIGN(const Output fed, feed_forward(weights, config, layer + "mlp.", between));
    x = add(x, fed);
  }
  x = layer_norm(weights, "ln_f", x, config.hidden, config.epsilon);
  context.keep_state(x);
  return x;
}

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const Gpt2Config config, read_config(context.config));
  context.weights.choose_prefix(kPrefixes, "wte.weight");
  const Output ids = *context.inputs.take("input_ids");
  // The reference hides what comes later on top of hiding padding, so that padding in front of a
  // text sees itself and the padding before it.
  const Output mask = add(sight_mask(ids, context.inputs.take("attention_mask"), {}),
                          sight_mask(ids, std::nullopt, {}));
  ACCEL_ASSIGN(const Output x, decoder(context, config, embeddings(context, config, ids), mask));
  return decoder_outputs(context, head_of(config), ids, x);
}

// --- descriptor --------------------------------------------------------------------------------

constexpr std::array<Architecture, 5> kArchitectures{{
    {"GPT2Model", Head::kBase},
    {"GPT2LMHeadModel", Head::kCausalLm},
    {"GPT2ForSequenceClassification", Head::kSequenceClassification},
    {"GPT2ForTokenClassification", Head::kTokenClassification},
    {"GPT2ForQuestionAnswering", Head::kQuestionAnswering},
}};

const std::array<InputSpec, 4> kInputs{{
    {"input_ids", DType::kI64, {-1, -1}, Needed::kAlways},
    {"attention_mask", DType::kI64, {-1, -1}, Needed::kUsually, "input_ids"},
    {"token_type_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
    {"position_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
}};

}  // namespace
}  // namespace gpt2

const Family kGpt2{
    .model_type = "gpt2",
    .title = "GPT-2",
    .reference = "Language Models are Unsupervised Multitask Learners, 2019",
    .tokenizer = "GPT2Tokenizer",
    .architectures = gpt2::kArchitectures,
    .inputs = gpt2::kInputs,
    .unused_weights = gpt2::kUnused,
    .facts = gpt2::facts,
    .build = gpt2::build,
};

}  // namespace accel::models
