#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <openvino/op/add.hpp>
#include <openvino/op/clamp.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/cum_sum.hpp>
#include <openvino/op/divide.hpp>
#include <openvino/op/elu.hpp>
#include <openvino/op/erf.hpp>
#include <openvino/op/exp.hpp>
#include <openvino/op/gelu.hpp>
#include <openvino/op/log_softmax.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/maximum.hpp>
#include <openvino/op/minimum.hpp>
#include <openvino/op/mish.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/mvn.hpp>
#include <openvino/op/normalize_l2.hpp>
#include <openvino/op/prelu.hpp>
#include <openvino/op/reduce_max.hpp>
#include <openvino/op/reduce_mean.hpp>
#include <openvino/op/reduce_min.hpp>
#include <openvino/op/reduce_sum.hpp>
#include <openvino/op/relu.hpp>
#include <openvino/op/sigmoid.hpp>
#include <openvino/op/softmax.hpp>
#include <openvino/op/sqrt.hpp>
#include <openvino/op/subtract.hpp>
#include <openvino/op/swish.hpp>
#include <openvino/op/tanh.hpp>

#include "backend/conformance_kit.h"

namespace accel::backend {
namespace {

namespace v0 = ov::op::v0;
namespace v1 = ov::op::v1;

// --- matrix products ---------------------------------------------------------------------------

// x [B, L, 8] times the rows of `weight` [5, 8] plus `bias` [5].
Numbers dense(const Numbers& x, const Numbers& weight, const Numbers& bias) {
  Numbers y({x.shape[0], x.shape[1], 5});
  for (int64_t b = 0; b < x.shape[0]; ++b) {
    for (int64_t l = 0; l < x.shape[1]; ++l) {
      for (int64_t out = 0; out < 5; ++out) {
        double total = bias.at({out});
        for (int64_t in = 0; in < 8; ++in) total += x.at({b, l, in}) * weight.at({out, in});
        y.at({b, l, out}) = total;
      }
    }
  }
  return y;
}

// The weights of a checkpoint may be f16 or bf16 and are converted by the graph.
ConformanceCase matmul_bias(const std::string& name, const ov::element::Type& stored) {
  const Numbers weight = samples({5, 8}, 1);
  const Numbers bias = samples({5}, 2);
  const auto x = parameter("x", ov::element::f32, {-1, -1, 8});
  Output matrix = v0::Constant::create(stored, ov::Shape{5, 8}, weight.values);
  if (stored != ov::element::f32) matrix = node<v0::Convert>(matrix, ov::element::f32);
  const Output y = node<v1::Add>(node<v0::MatMul>(x, matrix, false, true), constant(bias));
  ConformanceCase test{.name = name, .model = graph({x}, {{"y", y}}), .epsilons = 4};
  for (const auto& [batch, tokens] : kSizes) {
    const Numbers input = samples({batch, tokens, 8}, 3);
    test.runs.push_back({{{"x", as_f32(input)}}, {{"y", as_f32(dense(input, weight, bias))}}});
  }
  return test;
}

// [B, 2, L, 4] times [B, 2, L, 4] transposed: both operands change with the input.
ConformanceCase matmul_batched() {
  const auto a = parameter("a", ov::element::f32, {-1, 2, -1, 4});
  const auto b = parameter("b", ov::element::f32, {-1, 2, -1, 4});
  const Output y = node<v0::MatMul>(a, b, false, true);
  ConformanceCase test{.name = "matmul_batched", .model = graph({a, b}, {{"y", y}}), .epsilons = 4};
  for (const auto& [batch, tokens] : kSizes) {
    const Numbers left = samples({batch, 2, tokens, 4}, 1);
    const Numbers right = samples({batch, 2, tokens, 4}, 2);
    Numbers expected({batch, 2, tokens, tokens});
    for (int64_t i = 0; i < batch * 2; ++i) {
      for (int64_t k = 0; k < tokens * tokens; ++k) {
        for (int64_t d = 0; d < 4; ++d) {
          expected.at({0, i, k / tokens, k % tokens}) +=
              left.at({0, i, k / tokens, d}) * right.at({0, i, k % tokens, d});
        }
      }
    }
    test.runs.push_back({{{"a", as_f32(left)}, {"b", as_f32(right)}}, {{"y", as_f32(expected)}}});
  }
  return test;
}

// --- along the last axis -----------------------------------------------------------------------

using Row = std::span<double>;

// A case whose graph maps x [B, L, 8] to y of the same shape, row by row.
ConformanceCase by_row(const std::string& name, double epsilons, Output (*build)(const Output& x),
                       void (*expect)(Row row)) {
  const auto x = parameter("x", ov::element::f32, {-1, -1, 8});
  ConformanceCase test{.name = name, .model = graph({x}, {{"y", build(x)}}), .epsilons = epsilons};
  for (const auto& [batch, tokens] : kSizes) {
    const Numbers input = samples({batch, tokens, 8}, 4);
    Numbers expected = input;
    for (size_t i = 0; i < expected.values.size(); i += 8) {
      expect(Row(expected.values).subspan(i, 8));
    }
    test.runs.push_back({{{"x", as_f32(input)}}, {{"y", as_f32(expected)}}});
  }
  return test;
}

double sum_of(Row row) {
  double total = 0;
  for (const double value : row) total += value;
  return total;
}

constexpr float kEpsilon = 1e-5F;

Output layer_norm(const Output& x) {
  const Output normal =
      node<ov::op::v6::MVN>(x, integers({-1}), true, kEpsilon, ov::op::MVNEpsMode::INSIDE_SQRT);
  return node<v1::Add>(node<v1::Multiply>(normal, constant(samples({8}, 5))),
                       constant(samples({8}, 6)));
}

void expect_layer_norm(Row row) {
  const double mean = sum_of(row) / 8;
  double variance = 0;
  for (const double value : row) variance += (value - mean) * (value - mean) / 8;
  const Numbers weight = samples({8}, 5);
  const Numbers bias = samples({8}, 6);
  for (size_t i = 0; i < row.size(); ++i) {
    row[i] = (row[i] - mean) / std::sqrt(variance + kEpsilon) * weight.values[i] + bias.values[i];
  }
}

Output softmax(const Output& x) { return node<ov::op::v8::Softmax>(x, -1); }

void expect_softmax(Row row) {
  for (double& value : row) value = std::exp(value);
  const double total = sum_of(row);
  for (double& value : row) value /= total;
}

Output log_softmax(const Output& x) { return node<ov::op::v5::LogSoftmax>(x, -1); }

void expect_log_softmax(Row row) {
  expect_softmax(row);
  for (double& value : row) value = std::log(value);
}

// Unit length, as sentence embeddings are. The first row's squares are beyond f16; the last row is
// all zeros and must stay so.
ConformanceCase normalize_l2() {
  const auto x = parameter("x", ov::element::f32, {-1, 8});
  const Output y = node<v0::NormalizeL2>(x, integers({-1}), 1e-24F, ov::op::EpsMode::MAX);
  ConformanceCase test{.name = "normalize_l2", .model = graph({x}, {{"y", y}}), .epsilons = 4};
  for (const int64_t rows : {2, 5, 1}) {
    Numbers input = samples({rows + 1, 8}, 7);
    for (int64_t i = 0; i < 8; ++i) input.at({0, i}) *= 1024;
    std::fill(input.values.end() - 8, input.values.end(), 0.0);
    Numbers expected = input;
    for (int64_t row = 0; row < rows; ++row) {
      double squares = 0;
      for (int64_t i = 0; i < 8; ++i) squares += input.at({row, i}) * input.at({row, i});
      for (int64_t i = 0; i < 8; ++i) expected.at({row, i}) /= std::sqrt(squares);
    }
    test.runs.push_back({{{"x", as_f32(input)}}, {{"y", as_f32(expected)}}});
  }
  return test;
}

// --- element by element ------------------------------------------------------------------------

struct Curve {
  std::string name;
  Output (*build)(const Output& x);
  double (*expect)(double x);
  double epsilons;
};

double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }

const std::array<Curve, 15> kCurves{{
    {"clamp", [](const Output& x) { return node<v0::Clamp>(x, -0.5, 6.0); },
     [](double x) { return std::clamp(x, -0.5, 6.0); }, 0},
    {"elu", [](const Output& x) { return node<v0::Elu>(x, 1.0); },
     [](double x) { return x > 0 ? x : std::expm1(x); }, 4},
    {"erf", [](const Output& x) { return node<v0::Erf>(x); }, [](double x) { return std::erf(x); },
     4},
    {"exp", [](const Output& x) { return node<v0::Exp>(x); }, [](double x) { return std::exp(x); },
     8},
    {"gelu_erf",
     [](const Output& x) { return node<ov::op::v7::Gelu>(x, ov::op::GeluApproximationMode::ERF); },
     [](double x) { return x * 0.5 * (1 + std::erf(x / std::sqrt(2.0))); }, 8},
    {"gelu_tanh",
     [](const Output& x) { return node<ov::op::v7::Gelu>(x, ov::op::GeluApproximationMode::TANH); },
     [](double x) {
       return x * 0.5 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
     },
     8},
    {"mish", [](const Output& x) { return node<ov::op::v4::Mish>(x); },
     [](double x) { return x * std::tanh(std::log1p(std::exp(x))); }, 8},
    {"prelu", [](const Output& x) { return node<v0::PRelu>(x, scalar(0.25F)); },
     [](double x) { return x > 0 ? x : 0.25 * x; }, 1},
    {"relu", [](const Output& x) { return node<v0::Relu>(x); },
     [](double x) { return std::max(x, 0.0); }, 0},
    {"relu_squared",
     [](const Output& x) { return node<v1::Multiply>(node<v0::Relu>(x), node<v0::Relu>(x)); },
     [](double x) { return std::max(x, 0.0) * std::max(x, 0.0); }, 1},
    {"sigmoid", [](const Output& x) { return node<v0::Sigmoid>(x); }, sigmoid_of, 4},
    {"sqrt", [](const Output& x) { return node<v0::Sqrt>(node<v1::Multiply>(x, x)); },
     [](double x) { return std::abs(x); }, 2},
    {"swish", [](const Output& x) { return node<ov::op::v4::Swish>(x); },
     [](double x) { return x * sigmoid_of(x); }, 8},
    {"swish_beta", [](const Output& x) { return node<ov::op::v4::Swish>(x, scalar(1.75F)); },
     [](double x) { return x * sigmoid_of(1.75 * x); }, 8},
    {"tanh", [](const Output& x) { return node<v0::Tanh>(x); },
     [](double x) { return std::tanh(x); }, 4},
}};

// The curve over [-8, 8], where every activation has met its asymptotes.
ConformanceCase curve_case(const Curve& curve) {
  const auto x = parameter("x", ov::element::f32, {-1});
  const Output wide = node<v1::Multiply>(x, scalar(8));
  ConformanceCase test{.name = curve.name,
                       .model = graph({x}, {{"y", curve.build(wide)}}),
                       .epsilons = curve.epsilons};
  for (const int64_t size : {5, 33, 1}) {
    const Numbers input = samples({size}, 8);
    Numbers expected = input;
    for (double& value : expected.values) value = curve.expect(8 * value);
    test.runs.push_back({{{"x", as_f32(input)}}, {{"y", as_f32(expected)}}});
  }
  return test;
}

// [B, L] with [L] and with scalars: numpy's broadcasting.
ConformanceCase broadcasting() {
  const auto a = parameter("a", ov::element::f32, {-1, -1});
  const auto b = parameter("b", ov::element::f32, {-1});
  const Output shifted = node<v1::Add>(b, scalar(2));
  const Output y = node<v1::Subtract>(node<v1::Divide>(a, shifted), scalar(0.5F));
  const Output least = node<v1::Minimum>(a, b);
  const Output most = node<v1::Maximum>(b, a);
  ConformanceCase test{.name = "broadcasting",
                       .model = graph({a, b}, {{"y", y}, {"least", least}, {"most", most}}),
                       .epsilons = 4};
  for (const auto& [batch, tokens] : kSizes) {
    const Numbers left = samples({batch, tokens}, 1);
    const Numbers right = samples({tokens}, 2);
    Numbers quotient = left;
    Numbers lower = left;
    Numbers upper = left;
    for (int64_t i = 0; i < batch * tokens; ++i) {
      const double other = right.at({i % tokens});
      quotient.at({0, i}) = left.at({0, i}) / (other + 2) - 0.5;
      lower.at({0, i}) = std::min(left.at({0, i}), other);
      upper.at({0, i}) = std::max(left.at({0, i}), other);
    }
    test.runs.push_back(
        {{{"a", as_f32(left)}, {"b", as_f32(right)}},
         {{"y", as_f32(quotient)}, {"least", as_f32(lower)}, {"most", as_f32(upper)}}});
  }
  return test;
}

// --- over the tokens ---------------------------------------------------------------------------

ConformanceCase reductions() {
  const auto x = parameter("x", ov::element::f32, {-1, -1, 4});
  const Output axis = integers({1});
  ConformanceCase test{.name = "reductions",
                       .model = graph({x}, {{"highest", node<v1::ReduceMax>(x, axis, false)},
                                            {"lowest", node<v1::ReduceMin>(x, axis, true)},
                                            {"mean", node<v1::ReduceMean>(x, axis, false)},
                                            {"sum", node<v1::ReduceSum>(x, axis, true)}}),
                       .epsilons = 4};
  for (const auto& [batch, tokens] : kSizes) {
    const Numbers input = samples({batch, tokens, 4}, 9);
    Numbers highest({batch, 4});
    Numbers lowest({batch, 1, 4});
    Numbers mean({batch, 4});
    Numbers sum({batch, 1, 4});
    for (int64_t i = 0; i < batch * 4; ++i) {
      highest.values[i] = -2;
      lowest.values[i] = 2;
      for (int64_t l = 0; l < tokens; ++l) {
        const double value = input.at({i / 4, l, i % 4});
        highest.values[i] = std::max(highest.values[i], value);
        lowest.values[i] = std::min(lowest.values[i], value);
        sum.values[i] += value;
      }
      mean.values[i] = sum.values[i] / static_cast<double>(tokens);
    }
    test.runs.push_back({{{"x", as_f32(input)}},
                         {{"highest", as_f32(highest)},
                          {"lowest", as_f32(lowest)},
                          {"mean", as_f32(mean)},
                          {"sum", as_f32(sum)}}});
  }
  return test;
}

ConformanceCase cumulative_sum() {
  const auto x = parameter("x", ov::element::f32, {-1, -1, 2});
  const Output y = node<v0::CumSum>(x, integer(1));
  ConformanceCase test{.name = "cumulative_sum", .model = graph({x}, {{"y", y}}), .epsilons = 4};
  for (const auto& [batch, tokens] : kSizes) {
    const Numbers input = samples({batch, tokens, 2}, 10);
    Numbers expected = input;
    for (int64_t b = 0; b < batch; ++b) {
      for (int64_t i = 2; i < tokens * 2; ++i) {
        expected.at({b, i / 2, i % 2}) += expected.at({b, i / 2 - 1, i % 2});
      }
    }
    test.runs.push_back({{{"x", as_f32(input)}}, {{"y", as_f32(expected)}}});
  }
  return test;
}

// Whole numbers stay whole and exact, in every precision.
ConformanceCase whole_numbers() {
  const auto a = parameter("a", ov::element::i64, {-1});
  const auto b = parameter("b", ov::element::i64, {-1});
  const Output y = node<v1::Add>(node<v1::Multiply>(a, b), integer(-3));
  ConformanceCase test{.name = "whole_numbers", .model = graph({a, b}, {{"y", y}}), .epsilons = 0};
  for (const int64_t size : {3, 9, 1}) {
    Numbers left({size});
    Numbers right({size});
    Numbers expected({size});
    for (int64_t i = 0; i < size; ++i) {
      left.at({i}) = static_cast<double>(30011 * i - 12007);
      right.at({i}) = static_cast<double>(1009 - 511 * i);
      expected.at({i}) = left.at({i}) * right.at({i}) - 3;
    }
    test.runs.push_back({{{"a", as_i64(left)}, {"b", as_i64(right)}}, {{"y", as_i64(expected)}}});
  }
  return test;
}

}  // namespace

std::vector<ConformanceCase> arithmetic_cases() {
  std::vector<ConformanceCase> cases{
      broadcasting(),
      cumulative_sum(),
      by_row("layer_norm", 16, layer_norm, expect_layer_norm),
      by_row("log_softmax", 8, log_softmax, expect_log_softmax),
      matmul_batched(),
      matmul_bias("matmul_bias", ov::element::f32),
      matmul_bias("matmul_bias_bf16", ov::element::bf16),
      matmul_bias("matmul_bias_f16", ov::element::f16),
      normalize_l2(),
      reductions(),
      by_row("softmax", 4, softmax, expect_softmax),
      whole_numbers(),
  };
  for (const Curve& curve : kCurves) cases.push_back(curve_case(curve));
  return cases;
}

}  // namespace accel::backend
