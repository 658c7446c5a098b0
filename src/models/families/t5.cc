// T5 (Raffel et al., arXiv:1910.10683), mT5 (Xue et al., arXiv:2010.11934), ByT5 (Xue et al.,
// arXiv:2105.13626) and UMT5 (Chung et al., arXiv:2304.09151): positions only as biases on the
// attention scores, which are not scaled; in UMT5 each layer has its own.
#include <algorithm>
#include <array>
#include <cmath>
#include <openvino/op/broadcast.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/shape_of.hpp>

#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/blocks/heads.h"
#include "models/blocks/relative_position.h"
#include "models/blocks/seq2seq.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace t5 {
namespace {

// --- config ------------------------------------------------------------------------------------

// The analyzer loses the fields on their way through Result.
struct T5Config {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  int64_t hidden = 0;
  int64_t head_size = 0;  // heads * head_size need not be `hidden`
  int64_t heads = 1;
  int64_t intermediate = 0;
  int64_t layers = 0;
  int64_t decoder_layers = 0;
  int64_t vocabulary = 0;
  int64_t buckets = 0;
  int64_t max_distance = 0;  // beyond it, all distances are one
  double epsilon = 0;
  std::string activation;
  bool gated = false;
  bool tied = true;           // the language model has the word embeddings
  bool scaled_logits = true;  // and its input is divided by sqrt(hidden)
  bool bias_per_layer = false;
  bool encoder_only = false;
  int64_t end = 1;  // token ids
  int64_t start = 0;
};

constexpr int64_t kMostDistance = int64_t{1} << 20;

// "relu", or "gated-gelu", whose GELU is the one with tanh. Later configs say both themselves.
void read_feed_forward(ConfigReader& in, T5Config& config, std::string_view otherwise) {
  std::string name = in.text_or("feed_forward_proj", otherwise);
  config.gated = name.starts_with("gated-");
  if (config.gated) name.erase(0, 6);
  if (name.find('-') != std::string::npos) {
    in.problem("feed_forward_proj: expected ACTIVATION or gated-ACTIVATION, found " + name);
  }
  if (config.gated && name == "gelu") name = "gelu_new";
  config.activation = in.text_or("dense_act_fn", name);
  config.gated = in.flag_or("is_gated_act", config.gated);
}

void read_positions(ConfigReader& in, T5Config& config) {
  config.buckets = in.size_or("relative_attention_num_buckets", 32);
  config.max_distance = in.size_or("relative_attention_max_distance", 128);
  if (config.buckets < 4) {
    in.problem("relative_attention_num_buckets: expected at least 4, two for each side");
  }
  if (config.max_distance <= config.buckets / 2 || config.max_distance > kMostDistance) {
    in.problem("relative_attention_max_distance: expected more than half of "
               "relative_attention_num_buckets, and at most 2^20");
  }
}

// Whether the architecture has no decoder.
bool encoder_only(const Json& json) {
  if (!json.is_object()) return false;
  const Json names = json.value("architectures", Json());
  if (!names.is_array() || names.empty() || !names[0].is_string()) return false;
  const auto name = names[0].get<std::string>();
  return name.ends_with("EncoderModel") || name.ends_with("ForTokenClassification");
}

Result<T5Config> read_config(const Json& json) {
  ConfigReader in(json);
  const std::string type = in.text_or("model_type", "t5");
  const bool multilingual = type != "t5";  // their defaults are mT5-small's
  T5Config config{
      .hidden = in.size_or("d_model", 512),
      .head_size = in.size_or("d_kv", 64),
      .heads = in.size_or("num_heads", multilingual ? 6 : 8),
      .intermediate = in.size_or("d_ff", multilingual ? 1024 : 2048),
      .layers = in.layers_or("num_layers", multilingual ? 8 : 6),
      .vocabulary = in.size_or("vocab_size", multilingual ? 250112 : 32128),
      .epsilon = in.number_or("layer_norm_epsilon", 1e-6),
      .tied = in.flag_or("tie_word_embeddings", type != "mt5"),
      .bias_per_layer = type == "umt5",
      .end = in.count_or("eos_token_id", 1),
  };
  config.decoder_layers = in.layers_or("num_decoder_layers", config.layers);
  config.scaled_logits = in.flag_or("scale_decoder_outputs", config.tied);
  config.start = in.count_or("decoder_start_token_id", in.count_or("pad_token_id", 0));
  read_feed_forward(in, config, multilingual ? "gated-gelu" : "relu");
  read_positions(in, config);
  config.encoder_only = !in.flag_or("is_encoder_decoder", true) || encoder_only(json);
  in.expect("is_decoder", false, "a decoder on its own is not built");
  in.expect("tie_encoder_decoder", false, "layers shared by encoder and decoder are not built");
  in.expect("pruned_heads", Json::object(), "pruned heads are not built");
  ACCEL_TRY(in.status());
  return config;
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const T5Config config, read_config(json));
  ACCEL_ASSIGN(const int64_t labels, label_count(json));
  Facts facts{
      .hidden_size = config.hidden,
      .layers = config.layers,
      .vocabulary = config.vocabulary,
      .labels = labels,
      .index_limits = {{"input_ids", config.vocabulary}, {"decoder_input_ids", config.vocabulary}},
      .input_shapes = {{"encoder_hidden_states", {-1, -1, config.hidden}}}};
  if (config.encoder_only) {
    facts.absent_inputs = {"decoder_input_ids", "decoder_attention_mask", "encoder_hidden_states",
                           "encoder_attention_mask"};
  }
  return facts;
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 2> kPrefixes{"", "transformer."};

// Tied tables are stored under one or several of their names. The cross attention's biases stand in
// T5's first checkpoints and were never used.
constexpr std::array<std::string_view, 8> kUnused{
    "shared.",
    "encoder.embed_tokens.",
    "decoder.embed_tokens.",
    "lm_head.",
    "classification_head.",
    "classifier.",
    "qa_outputs.",
    "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.",
};
constexpr std::array<std::string_view, 4> kTable{
    "shared.weight",
    "encoder.embed_tokens.weight",
    "decoder.embed_tokens.weight",
    "lm_head.weight",
};

// --- build -------------------------------------------------------------------------------------

// One of the two stacks while it is built.
struct Stack {
  BuildContext& context;
  const T5Config& config;
  std::string name;  // "encoder" or "decoder"
  int64_t layers;
  bool decoder;
};

// Keys and values [B, A, L, D]. Those of earlier tokens would be put in front of them here.
struct KeyValue {
  Output key;
  Output value;
};

Output project(const Stack& stack, const std::string& name, const Output& x) {
  const T5Config& config = stack.config;
  const Output y =
      linear(stack.context.weights, name, x, config.hidden, config.heads * config.head_size, false);
  return split_heads(y, config.heads, config.head_size);
}

KeyValue key_value(const Stack& stack, const std::string& name, const Output& x) {
  return {project(stack, name + ".k", x), project(stack, name + ".v", x)};
}

// Attention "NAME" of x to keys and values, with its output projection: [B, L, H] -> [B, L, H].
Output attend(const Stack& stack, const std::string& name, const Output& x, const KeyValue& read,
              const std::optional<Output>& mask) {
  const T5Config& config = stack.config;
  const int64_t size = config.heads * config.head_size;
  const Output query = project(stack, name + ".q", x);
  const Output mixed =
      merge_heads(attention(query, read.key, read.value, mask, {.scale = 1.0}), size);
  return linear(stack.context.weights, name + ".o", mixed, size, config.hidden, false);
}

Output norm(const Stack& stack, const std::string& name, const Output& x) {
  return rms_norm(stack.context.weights, name, x, stack.config.hidden, stack.config.epsilon);
}

// The bias [1, A, L, L] of layer `name` on the scores of self attention for the L of `ids`.
Output position_bias(const Stack& stack, const std::string& name, const Output& ids) {
  const T5Config& config = stack.config;
  std::vector<int64_t> buckets;
  for (int64_t distance = -config.max_distance; distance <= config.max_distance; ++distance) {
    // A decoder sees nothing behind a token: all its buckets are for what is before.
    buckets.push_back(stack.decoder
                          ? distance_bucket(std::min<int64_t>(distance, 0), 2 * config.buckets,
                                            config.max_distance)
                          : distance_bucket(distance, config.buckets, config.max_distance));
  }
  const Output table =
      stack.context.weights.get(name + ".layer.0.SelfAttention.relative_attention_bias.weight",
                                {config.buckets, config.heads});
  return distance_bias(table, buckets, ids);
}

Result<Output> feed_forward(const Stack& stack, const std::string& name, const Output& x) {
  Weights& weights = stack.context.weights;
  const T5Config& config = stack.config;
  if (config.gated) {
    return gated_feed_forward(weights, name, {config.hidden, config.intermediate},
                              config.activation, x, {"wi_0", "wi_1", "wo"});
  }
  const Output wide = linear(weights, name + "wi", x, config.hidden, config.intermediate, false);
  ACCEL_ASSIGN(const Output active, activation(config.activation, wide));
  return linear(weights, name + "wo", active, config.intermediate, config.hidden, false);
}

// "NAME.block.N", each sublayer normalised before: [B, L, H] -> [B, L, H]. `mask` is self
// attention's, without the position bias.
Result<Output> block(const Stack& stack, const std::string& name, Output x,
                     const std::optional<Output>& mask, const Memory* memory) {
  const std::string self = name + ".layer.0";
  Output y = norm(stack, self + ".layer_norm", x);
  const KeyValue own = key_value(stack, self + ".SelfAttention", y);
  x = add(x, attend(stack, self + ".SelfAttention", y, own, mask));
  if (memory != nullptr) {
    const std::string cross = name + ".layer.1";
    y = norm(stack, cross + ".layer_norm", x);
    const KeyValue read = key_value(stack, cross + ".EncDecAttention", memory->states);
    x = add(x, attend(stack, cross + ".EncDecAttention", y, read, memory->mask));
  }
  const std::string last = name + (memory != nullptr ? ".layer.2" : ".layer.1");
  y = norm(stack, last + ".layer_norm", x);
  ACCEL_ASSIGN(y, feed_forward(stack, last + ".DenseReluDense.", y));
  return add(x, y);
}

// Word embeddings, all blocks and the last norm: [B, L] -> [B, L, H].
Result<Output> run(const Stack& stack, const Output& ids, const std::optional<Output>& mask,
                   const Memory* memory, std::string_view states) {
  const T5Config& config = stack.config;
  Weights& weights = stack.context.weights;
  Output x =
      embedding(weights, stored_name(weights, kTable), ids, config.vocabulary, config.hidden);
  Output bias;
  for (int64_t i = 0; i < stack.layers; ++i) {
    stack.context.keep_state(x, states);
    const std::string name = stack.name + ".block." + std::to_string(i);
    if (i == 0 || config.bias_per_layer) {
      bias = position_bias(stack, name, ids);
      if (mask) bias = add(bias, *mask);
    }
    ACCEL_ASSIGN(x, block(stack, name, x, bias, memory));
  }
  x = norm(stack, stack.name + ".final_layer_norm", x);
  stack.context.keep_state(x, states);
  return x;
}

// What the decoder reads of a text that is to be judged and not continued: [B, S] -> [B, S].
Output shifted(const T5Config& config, const Output& ids) {
  const auto axis = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {1});
  const Output first = std::make_shared<ov::op::v8::Gather>(ids, integers({0}), axis);
  const Output shape = std::make_shared<ov::op::v3::ShapeOf>(first);
  return shift_right(ids, std::make_shared<ov::op::v3::Broadcast>(integers({config.start}), shape));
}

Output language_model(Weights& weights, const T5Config& config, Output x) {
  if (config.scaled_logits) {
    x = multiply(x, scalar(1.0F / std::sqrt(static_cast<float>(config.hidden))));
  }
  const bool own = weights.has("lm_head.weight") || !config.tied;
  const Output table = weights.get(own ? "lm_head.weight" : stored_name(weights, kTable),
                                   {config.vocabulary, config.hidden});
  return std::make_shared<ov::op::v0::MatMul>(x, table, false, true);
}

Result<std::vector<NamedOutput>> head(BuildContext& context, const T5Config& config,
                                      const std::optional<Output>& ids, const Output& x) {
  Weights& weights = context.weights;
  switch (context.head) {
    case Head::kTextToText:
      return std::vector<NamedOutput>{{"logits", language_model(weights, config, x)}};
    case Head::kSequenceClassification: {
      if (!ids) {
        return invalid_argument("expected input_ids, whose end token is classified, found "
                                "encoder_hidden_states");
      }
      ACCEL_ASSIGN(const int64_t labels, label_count(context.config));
      const Output pooled = state_at_last(x, *ids, config.end);
      ACCEL_ASSIGN(const Output logits,
                   seq2seq_classification(weights, pooled, config.hidden, labels));
      return std::vector<NamedOutput>{{"logits", logits}};
    }
    case Head::kQuestionAnswering: return span_logits(weights, "qa_outputs", x, config.hidden);
    default: return std::vector<NamedOutput>{{"last_hidden_state", x}};
  }
}

// The encoder alone, and what is made of it alone.
Result<std::vector<NamedOutput>> encoder_outputs(BuildContext& context, const T5Config& config,
                                                 const Output& x) {
  context.weights.skip("decoder.");
  if (context.head != Head::kTokenClassification) {
    return std::vector<NamedOutput>{{"last_hidden_state", x}};
  }
  ACCEL_ASSIGN(const int64_t labels, label_count(context.config));
  return std::vector<NamedOutput>{
      {"logits", linear(context.weights, "classifier", x, config.hidden, labels)}};
}

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const T5Config config, read_config(context.config));
  context.weights.choose_prefix(kPrefixes, "encoder.final_layer_norm.weight");
  ACCEL_ASSIGN(Seq2SeqInputs inputs, take_seq2seq_inputs(context.inputs));
  const bool generates = context.head == Head::kBase || context.head == Head::kTextToText;
  const bool encodes = config.encoder_only || context.head == Head::kTokenClassification;
  if (!inputs.target && !generates && !encodes) inputs.target = shifted(config, *inputs.source);
  Memory memory{.mask = inputs.mask};
  if (inputs.source) {
    const bool alone = encodes || !inputs.target;
    const Stack encoder{context, config, "encoder", config.layers, false};
    ACCEL_ASSIGN(memory.states, run(encoder, *inputs.source, inputs.mask, nullptr,
                                    alone ? "hidden_states" : "encoder_hidden_states"));
    if (alone) return encoder_outputs(context, config, memory.states);
  } else {
    context.weights.skip("encoder.");
    memory.states = *inputs.memory;
  }
  const Stack decoder{context, config, "decoder", config.decoder_layers, true};
  const Output mask = decoder_mask(*inputs.target, inputs.target_mask);
  ACCEL_ASSIGN(const Output x,
               run(decoder, *inputs.target, mask, &memory, "decoder_hidden_states"));
  ACCEL_ASSIGN(std::vector<NamedOutput> outputs, head(context, config, inputs.source, x));
  if (inputs.source && generates) outputs.push_back({"encoder_last_hidden_state", memory.states});
  return outputs;
}

// --- descriptors -------------------------------------------------------------------------------

constexpr std::array<Architecture, 6> kT5Architectures{{
    {"T5Model", Head::kBase},
    {"T5EncoderModel", Head::kBase},
    {"T5ForConditionalGeneration", Head::kTextToText},
    {"T5ForSequenceClassification", Head::kSequenceClassification},
    {"T5ForTokenClassification", Head::kTokenClassification},
    {"T5ForQuestionAnswering", Head::kQuestionAnswering},
}};
constexpr std::array<Architecture, 6> kMt5Architectures{{
    {"MT5Model", Head::kBase},
    {"MT5EncoderModel", Head::kBase},
    {"MT5ForConditionalGeneration", Head::kTextToText},
    {"MT5ForSequenceClassification", Head::kSequenceClassification},
    {"MT5ForTokenClassification", Head::kTokenClassification},
    {"MT5ForQuestionAnswering", Head::kQuestionAnswering},
}};
constexpr std::array<Architecture, 6> kUmt5Architectures{{
    {"UMT5Model", Head::kBase},
    {"UMT5EncoderModel", Head::kBase},
    {"UMT5ForConditionalGeneration", Head::kTextToText},
    {"UMT5ForSequenceClassification", Head::kSequenceClassification},
    {"UMT5ForTokenClassification", Head::kTokenClassification},
    {"UMT5ForQuestionAnswering", Head::kQuestionAnswering},
}};

}  // namespace
}  // namespace t5

const Family kT5{
    .model_type = "t5",
    .title = "T5",
    .reference = "arXiv:1910.10683",
    .tokenizer = "T5Tokenizer",
    .architectures = t5::kT5Architectures,
    .inputs = kTextSeq2SeqInputs,
    .unused_weights = t5::kUnused,
    .facts = t5::facts,
    .build = t5::build,
};

const Family kMt5{
    .model_type = "mt5",
    .title = "mT5",
    .reference = "arXiv:2010.11934",
    .tokenizer = "MT5Tokenizer",
    .architectures = t5::kMt5Architectures,
    .inputs = kTextSeq2SeqInputs,
    .unused_weights = t5::kUnused,
    .facts = t5::facts,
    .build = t5::build,
};

const Family kUmt5{
    .model_type = "umt5",
    .title = "UMT5",
    .reference = "arXiv:2304.09151",
    .tokenizer = "T5Tokenizer",
    .architectures = t5::kUmt5Architectures,
    .inputs = kTextSeq2SeqInputs,
    .unused_weights = t5::kUnused,
    .facts = t5::facts,
    .build = t5::build,
};

}  // namespace accel::models
