#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <openvino/op/add.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/cos.hpp>
#include <openvino/op/divide.hpp>
#include <openvino/op/einsum.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/maximum.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/reduce_sum.hpp>
#include <openvino/op/scaled_dot_product_attention.hpp>
#include <openvino/op/subtract.hpp>
#include <openvino/op/unsqueeze.hpp>

#include "backend/conformance_kit.h"

namespace accel::backend {
namespace {

namespace v0 = ov::op::v0;
namespace v1 = ov::op::v1;
using Sdpa = ov::op::v13::ScaledDotProductAttention;

constexpr int64_t kHeads = 2;
constexpr int64_t kHeadSize = 8;

// What is added to the score of query position l and key position r; minus infinity hides r.
using Bias = std::function<double(int64_t batch, int64_t l, int64_t r)>;

// softmax(q k^T * scale + bias) v, for q, k, v [B, 2, L, 8].
struct Attention {
  Numbers query, key, value;

  Attention(int64_t batch, int64_t tokens)
      : query(samples({batch, kHeads, tokens, kHeadSize}, 1)),
        key(samples({batch, kHeads, tokens, kHeadSize}, 2)),
        value(samples({batch, kHeads, tokens, kHeadSize}, 3)) {}

  NamedTensors inputs() const {
    return {{"q", as_f32(query)}, {"k", as_f32(key)}, {"v", as_f32(value)}};
  }

  Numbers expected(double scale, const Bias& bias) const {
    const int64_t tokens = query.shape[2];
    Numbers mixed(query.shape);
    for (int64_t b = 0; b < query.shape[0]; ++b) {
      for (int64_t head = 0; head < kHeads; ++head) {
        for (int64_t l = 0; l < tokens; ++l) {
          std::vector<double> weights(tokens);
          double total = 0;
          for (int64_t r = 0; r < tokens; ++r) {
            double score = 0;
            for (int64_t d = 0; d < kHeadSize; ++d) {
              score += query.at({b, head, l, d}) * key.at({b, head, r, d});
            }
            weights[r] = std::exp(score * scale + bias(b, l, r));
            total += weights[r];
          }
          for (int64_t i = 0; i < tokens * kHeadSize; ++i) {
            mixed.at({b, head, l, i % kHeadSize}) +=
                weights[i / kHeadSize] / total * value.at({b, head, i / kHeadSize, i % kHeadSize});
          }
        }
      }
    }
    return mixed;
  }
};

ov::ParameterVector attention_inputs() {
  ov::ParameterVector inputs;
  for (const std::string name : {"q", "k", "v"}) {
    inputs.push_back(parameter(name, ov::element::f32, {-1, kHeads, -1, kHeadSize}));
  }
  return inputs;
}

const double kScale = 1 / std::sqrt(static_cast<double>(kHeadSize));
double none(int64_t /*batch*/, int64_t /*l*/, int64_t /*r*/) { return 0; }
double causal(int64_t /*batch*/, int64_t l, int64_t r) { return r > l ? -INFINITY : 0; }

ConformanceCase unmasked(const std::string& name, bool is_causal, const Bias& bias) {
  const ov::ParameterVector in = attention_inputs();
  const Output y = node<Sdpa>(in[0], in[1], in[2], is_causal);
  ConformanceCase test{.name = name, .model = graph(in, {{"y", y}}), .epsilons = 8};
  for (const auto& [batch, tokens] : kSizes) {
    const Attention attention(batch, tokens);
    test.runs.push_back({attention.inputs(), {{"y", as_f32(attention.expected(kScale, bias))}}});
  }
  return test;
}

// --- padding -----------------------------------------------------------------------------------

// Row b has b tokens of padding at its end, as far as one real token stays.
int64_t real_tokens(int64_t batch, int64_t tokens) { return std::max<int64_t>(1, tokens - batch); }

Numbers padding_mask(int64_t batch, int64_t tokens) {
  Numbers mask({batch, tokens});
  for (int64_t b = 0; b < batch; ++b) {
    for (int64_t l = 0; l < real_tokens(b, tokens); ++l) mask.at({b, l}) = 1;
  }
  return mask;
}

Bias padding_bias(int64_t tokens) {
  return [tokens](int64_t batch, int64_t, int64_t r) {
    return r < real_tokens(batch, tokens) ? 0 : -INFINITY;
  };
}

// attention_mask [B, L] -> 0 and the lowest float, [B, 1, 1, L].
Output additive(const Output& mask) {
  const Output padding = node<v1::Subtract>(scalar(1), node<v0::Convert>(mask, ov::element::f32));
  const Output hidden = node<v1::Multiply>(padding, scalar(std::numeric_limits<float>::lowest()));
  return node<v0::Unsqueeze>(hidden, integers({1, 2}));
}

Output truth(const Output& mask) {
  return node<v0::Unsqueeze>(node<v0::Convert>(mask, ov::element::boolean), integers({1, 2}));
}

ConformanceCase padded(const std::string& name, Output (*form)(const Output& mask)) {
  ov::ParameterVector in = attention_inputs();
  in.push_back(parameter("mask", ov::element::i64, {-1, -1}));
  const Output y = node<Sdpa>(in[0], in[1], in[2], form(in[3]), false);
  ConformanceCase test{.name = name, .model = graph(in, {{"y", y}}), .epsilons = 8};
  for (const auto& [batch, tokens] : kSizes) {
    const Attention attention(batch, tokens);
    ConformanceRun run{attention.inputs(),
                       {{"y", as_f32(attention.expected(kScale, padding_bias(tokens)))}}};
    run.inputs.push_back({"mask", as_i64(padding_mask(batch, tokens))});
    test.runs.push_back(std::move(run));
  }
  return test;
}

// A bias of its own for each pair of positions, and a scale other than the usual.
ConformanceCase biased() {
  ov::ParameterVector in = attention_inputs();
  in.push_back(parameter("bias", ov::element::f32, {-1, 1, -1, -1}));
  const Output y = node<Sdpa>(in[0], in[1], in[2], in[3], scalar(0.5F), false);
  ConformanceCase test{.name = "attention_biased", .model = graph(in, {{"y", y}}), .epsilons = 8};
  for (const auto& [batch, tokens] : kSizes) {
    const Attention attention(batch, tokens);
    const Numbers bias = samples({batch, 1, tokens, tokens}, 4);
    const auto at = [&bias](int64_t b, int64_t l, int64_t r) { return bias.at({b, 0, l, r}); };
    ConformanceRun run{attention.inputs(), {{"y", as_f32(attention.expected(0.5, at))}}};
    run.inputs.push_back({"bias", as_f32(bias)});
    test.runs.push_back(std::move(run));
  }
  return test;
}

// Mean over the real tokens of each row, as sentence embeddings are pooled.
ConformanceCase mean_of_real_tokens() {
  const auto x = parameter("x", ov::element::f32, {-1, -1, 4});
  const auto mask = parameter("mask", ov::element::i64, {-1, -1});
  const Output real = node<v0::Unsqueeze>(node<v0::Convert>(mask, ov::element::f32), integers({2}));
  const Output total = node<v1::ReduceSum>(node<v1::Multiply>(x, real), integers({1}), false);
  const Output count = node<v1::ReduceSum>(real, integers({1}), false);
  const Output y = node<v1::Divide>(total, node<v1::Maximum>(count, scalar(1e-9F)));
  ConformanceCase test{
      .name = "mean_of_real_tokens", .model = graph({x, mask}, {{"y", y}}), .epsilons = 4};
  for (const auto& [batch, tokens] : kSizes) {
    const Numbers input = samples({batch, tokens, 4}, 5);
    Numbers expected({batch, 4});
    for (int64_t b = 0; b < batch; ++b) {
      const int64_t count_real = real_tokens(b, tokens);
      for (int64_t i = 0; i < count_real * 4; ++i) {
        expected.at({b, i % 4}) += input.at({b, i / 4, i % 4}) / static_cast<double>(count_real);
      }
    }
    test.runs.push_back({{{"x", as_f32(input)}, {"mask", as_i64(padding_mask(batch, tokens))}},
                         {{"y", as_f32(expected)}}});
  }
  return test;
}

// --- positions -----------------------------------------------------------------------------------

// States turned by angles as large as their positions, and a product after it: what rotary
// embeddings come down to. An angle rounded to bf16 or f16 points anywhere.
ConformanceCase turned_by_position() {
  constexpr int64_t kSize = 8;
  const auto x = parameter("x", ov::element::f32, {-1, kSize});
  const auto positions = parameter("positions", ov::element::i64, {-1});
  Numbers pace({kSize});
  for (int64_t i = 0; i < kSize; ++i) pace.at({i}) = 1.0 / static_cast<double>(1 << i);
  const Numbers weight = samples({kSize, kSize}, 2);
  const Output column =
      node<v0::Convert>(node<v0::Unsqueeze>(positions, integer(1)), ov::element::f32);
  const Output cosines = node<v0::Cos>(node<v1::Multiply>(column, constant(pace)));
  const Output y = node<v0::MatMul>(node<v1::Multiply>(x, cosines), constant(weight), false, true);
  ConformanceCase test{
      .name = "turned_by_position", .model = graph({x, positions}, {{"y", y}}), .epsilons = 16};
  for (const auto& [rows, last] : {std::pair{3, 3}, {5, 5000}, {2, 131071}}) {
    const Numbers input = samples({rows, kSize}, 8);
    Numbers at({rows});
    Numbers expected({rows, kSize});
    for (int64_t row = 0; row < rows; ++row) {
      at.at({row}) = static_cast<double>(last - row);
      for (int64_t i = 0; i < kSize * kSize; ++i) {
        const int64_t k = i % kSize;
        expected.at({row, i / kSize}) +=
            input.at({row, k}) * std::cos(at.at({row}) * pace.at({k})) * weight.at({i / kSize, k});
      }
    }
    test.runs.push_back(
        {{{"x", as_f32(input)}, {"positions", as_i64(at)}}, {{"y", as_f32(expected)}}});
  }
  return test;
}

// --- sums of products over named axes ----------------------------------------------------------

// The two of relative positions: x [B, 2, L, 8] with a vector for each pair, [L, L, 8].
ConformanceCase einsum_pairs(const std::string& name, const std::string& equation, bool by_key) {
  const auto x = parameter("x", ov::element::f32, {-1, kHeads, -1, kHeadSize});
  const auto pairs = parameter("pairs", ov::element::f32, {-1, -1, kHeadSize});
  const Output y = node<ov::op::v7::Einsum>(ov::OutputVector{x, pairs}, equation);
  ConformanceCase test{.name = name, .model = graph({x, pairs}, {{"y", y}}), .epsilons = 4};
  for (const auto& [batch, tokens] : kSizes) {
    const Numbers input = samples({batch, kHeads, tokens, kHeadSize}, 6);
    const Numbers table = samples({tokens, tokens, kHeadSize}, 7);
    Numbers expected({batch, kHeads, tokens, tokens});
    for (int64_t i = 0; i < batch * kHeads; ++i) {
      for (int64_t k = 0; k < tokens * tokens * kHeadSize; ++k) {
        const int64_t d = k % kHeadSize;
        const int64_t r = k / kHeadSize % tokens;
        const int64_t l = k / kHeadSize / tokens;
        expected.at({0, i, l, r}) += input.at({0, i, by_key ? r : l, d}) * table.at({l, r, d});
      }
    }
    test.runs.push_back(
        {{{"x", as_f32(input)}, {"pairs", as_f32(table)}}, {{"y", as_f32(expected)}}});
  }
  return test;
}

}  // namespace

std::vector<ConformanceCase> attention_cases() {
  return {
      biased(),
      unmasked("attention_causal", true, causal),
      padded("attention_padded", additive),
      padded("attention_padded_boolean", truth),
      unmasked("attention_unmasked", false, none),
      einsum_pairs("einsum_by_key", "bhrd,lrd->bhlr", true),
      einsum_pairs("einsum_by_query", "bhld,lrd->bhlr", false),
      mean_of_real_tokens(),
      turned_by_position(),
  };
}

}  // namespace accel::backend
