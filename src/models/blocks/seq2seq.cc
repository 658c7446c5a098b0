#include "models/blocks/seq2seq.h"

#include <fmt/format.h>

#include <openvino/op/concat.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/equal.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/reduce_max.hpp>
#include <openvino/op/slice.hpp>
#include <openvino/op/squeeze.hpp>
#include <openvino/op/unsqueeze.hpp>

#include "base/try.h"
#include "models/blocks/blocks.h"

namespace accel::models {
namespace {

// Keys and values [B, A, L, D]. Those of earlier tokens would be put in front of them here.
struct KeyValue {
  Output key;
  Output value;
};

Output project(Weights& weights, const Seq2SeqStack& stack, const std::string& name,
               const Output& x, bool bias = true) {
  const Output y = linear(weights, name, x, stack.hidden, stack.hidden, bias);
  return split_heads(y, stack.heads, stack.hidden / stack.heads);
}

KeyValue key_value(Weights& weights, const Seq2SeqStack& stack, const std::string& attention,
                   const Output& x) {
  return {project(weights, stack, attention + ".k_proj", x, stack.key_bias),
          project(weights, stack, attention + ".v_proj", x)};
}

// Attention "NAME" of x to keys and values, with its output projection: [B, L, H] -> [B, L, H].
Output attend(Weights& weights, const Seq2SeqStack& stack, const std::string& name, const Output& x,
              const KeyValue& read, const std::optional<Output>& mask) {
  const Output query = project(weights, stack, name + ".q_proj", x);
  const Output mixed = merge_heads(attention(query, read.key, read.value, mask), stack.hidden);
  return linear(weights, name + ".out_proj", mixed, stack.hidden, stack.hidden);
}

Result<Output> feed_forward(Weights& weights, const Seq2SeqStack& stack, const std::string& layer,
                            const Output& x) {
  const Output wide = linear(weights, layer + "fc1", x, stack.hidden, stack.intermediate);
  ACCEL_ASSIGN(const Output active, activation(stack.activation, wide));
  return linear(weights, layer + "fc2", active, stack.intermediate, stack.hidden);
}

// A sublayer's input and output under its norm "NAME" and residual, whichever way round.
Output before(Weights& weights, const Seq2SeqStack& stack, const std::string& name,
              const Output& x) {
  return stack.pre_norm ? layer_norm(weights, name, x, stack.hidden, kSeq2SeqEpsilon) : x;
}
Output behind(Weights& weights, const Seq2SeqStack& stack, const std::string& name, const Output& x,
              const Output& change) {
  const Output sum = add(x, change);
  return stack.pre_norm ? sum : layer_norm(weights, name, sum, stack.hidden, kSeq2SeqEpsilon);
}

Result<Output> layer(Weights& weights, const Seq2SeqStack& stack, const std::string& name, Output x,
                     const std::optional<Output>& mask, const Memory* memory) {
  const std::string own = name + "self_attn";
  Output y = before(weights, stack, own + "_layer_norm", x);
  y = attend(weights, stack, own, y, key_value(weights, stack, own, y), mask);
  x = behind(weights, stack, own + "_layer_norm", x, y);
  if (memory != nullptr) {
    const std::string cross = name + "encoder_attn";
    y = before(weights, stack, cross + "_layer_norm", x);
    const KeyValue read = key_value(weights, stack, cross, memory->states);
    y = attend(weights, stack, cross, y, read, memory->mask);
    x = behind(weights, stack, cross + "_layer_norm", x, y);
  }
  y = before(weights, stack, name + "final_layer_norm", x);
  ACCEL_ASSIGN(y, feed_forward(weights, stack, name, y));
  return behind(weights, stack, name + "final_layer_norm", x, y);
}

Result<Output> layers(BuildContext& context, const Seq2SeqStack& stack, Output x,
                      const std::optional<Output>& mask, const Memory* memory,
                      std::string_view group) {
  for (int64_t i = 0; i < stack.layers; ++i) {
    context.keep_state(x, group);
    const std::string name = fmt::format("{}.layers.{}.", stack.name, i);
    ACCEL_ASSIGN(x, layer(context.weights, stack, name, x, mask, memory));
  }
  x = before(context.weights, stack, stack.name + ".layer_norm", x);
  context.keep_state(x, group);
  return x;
}

}  // namespace

Seq2SeqStack read_seq2seq_stack(ConfigReader& in, const Seq2SeqStack& defaults) {
  Seq2SeqStack stack = defaults;
  const std::string heads = stack.name + "_attention_heads";
  stack.hidden = in.size_or("d_model", defaults.hidden);
  stack.layers = in.layers_or(stack.name + "_layers", defaults.layers);
  stack.heads = in.size_or(heads, defaults.heads);
  stack.intermediate = in.size_or(stack.name + "_ffn_dim", defaults.intermediate);
  stack.activation = in.text_or("activation_function", defaults.activation);
  if (stack.hidden % stack.heads != 0) {
    in.problem(fmt::format("d_model: expected a multiple of {} ({}), found {}", heads, stack.heads,
                           stack.hidden));
  }
  return stack;
}

Result<Output> seq2seq_encoder(BuildContext& context, const Seq2SeqStack& stack, Output x,
                               const std::optional<Output>& mask, std::string_view group) {
  return layers(context, stack, std::move(x), mask, nullptr, group);
}

Result<Output> seq2seq_decoder(BuildContext& context, const Seq2SeqStack& stack, Output x,
                               const Output& mask, const Memory& memory, std::string_view group) {
  return layers(context, stack, std::move(x), mask, &memory, group);
}

Output decoder_mask(const Output& ids, const std::optional<Output>& attention_mask) {
  const Output causal = causal_mask(ids);
  const auto real = additive_mask(attention_mask);
  return real ? minimum(causal, *real) : causal;
}

const std::array<InputSpec, 6> kTextSeq2SeqInputs{{
    {"input_ids", DType::kI64, {-1, -1}, Needed::kUsually},
    {"attention_mask", DType::kI64, {-1, -1}, Needed::kUsually, "input_ids"},
    {"decoder_input_ids", DType::kI64, {-1, -1}, Needed::kUsually},
    {"decoder_attention_mask", DType::kI64, {-1, -1}, Needed::kOnRequest, "decoder_input_ids"},
    {"encoder_hidden_states", DType::kF32, {-1, -1, -1}, Needed::kOnRequest},
    {"encoder_attention_mask", DType::kI64, {-1, -1}, Needed::kOnRequest},
}};

Result<Seq2SeqInputs> take_seq2seq_inputs(GraphInputs& inputs, std::string_view source) {
  // `name` makes sense only beside `other`.
  const auto only_with = [&](std::string_view name, std::string_view other) -> Status {
    if (!inputs.wants(name) || inputs.wants(other)) return {};
    return invalid_argument(
        fmt::format("{}: expected {} as well; give both or neither", name, other));
  };
  if (inputs.wants(source) && inputs.wants("encoder_hidden_states")) {
    return invalid_argument(fmt::format(
        "expected {} or encoder_hidden_states, found both; the states are what the encoder makes "
        "of {}",
        source, source));
  }
  if (!inputs.wants(source) && !inputs.wants("encoder_hidden_states")) {
    return invalid_argument(fmt::format(
        "expected {} (the encoder reads it), or encoder_hidden_states and decoder_input_ids (the "
        "decoder reads them); found neither",
        source));
  }
  ACCEL_TRY(only_with("encoder_hidden_states", "decoder_input_ids"));
  ACCEL_TRY(only_with("attention_mask", source));
  ACCEL_TRY(only_with("encoder_attention_mask", "encoder_hidden_states"));
  ACCEL_TRY(only_with("decoder_attention_mask", "decoder_input_ids"));
  Seq2SeqInputs taken{.source = inputs.take(source),
                      .memory = inputs.take("encoder_hidden_states")};
  taken.mask =
      additive_mask(inputs.take(taken.memory ? "encoder_attention_mask" : "attention_mask"));
  taken.target = inputs.take("decoder_input_ids");
  taken.target_mask = inputs.take("decoder_attention_mask");
  return taken;
}

std::string stored_name(const Weights& weights, std::span<const std::string_view> names) {
  for (const std::string_view name : names) {
    if (weights.has(name)) return std::string(name);
  }
  return std::string(names.front());
}

Output shift_right(const Output& ids, const Output& start) {
  const Output all_but_last = std::make_shared<ov::op::v8::Slice>(
      ids, integers({0}), integers({-1}), integers({1}), integers({1}));
  return std::make_shared<ov::op::v0::Concat>(ov::OutputVector{start, all_but_last}, 1);
}

Output state_at_last(const Output& x, const Output& ids, int64_t token) {
  // Counted from 1, so that places without the token are 0 and never the last.
  const Output at = add(positions_of(ids), integers({1}));
  const Output is = std::make_shared<ov::op::v1::Equal>(ids, integers({token}));
  const Output where = multiply(at, std::make_shared<ov::op::v0::Convert>(is, ov::element::i64));
  const Output last = std::make_shared<ov::op::v1::ReduceMax>(where, integers({1}), true);
  const Output chosen = std::make_shared<ov::op::v1::Equal>(at, last);
  // A product rather than a lookup: it refuses an x of another length than `ids`.
  const Output weight = std::make_shared<ov::op::v0::Unsqueeze>(
      std::make_shared<ov::op::v0::Convert>(chosen, ov::element::f32), integers({1}));
  const Output row = std::make_shared<ov::op::v0::MatMul>(weight, x);
  return std::make_shared<ov::op::v0::Squeeze>(row, integers({1}));
}

Result<Output> seq2seq_classification(Weights& weights, const Output& x, int64_t hidden,
                                      int64_t labels) {
  const Output dense = linear(weights, "classification_head.dense", x, hidden, hidden);
  ACCEL_ASSIGN(const Output active, activation("tanh", dense));
  return linear(weights, "classification_head.out_proj", active, hidden, labels);
}

}  // namespace accel::models
