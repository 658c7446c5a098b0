// Each rule of decompose.h against plain loops; those that the conformance suite covers in full
// (attention, ELU, log-softmax, NormalizeL2) are not repeated.
#include "backends/reference/decompose.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <openvino/op/convert_like.hpp>
#include <openvino/op/einsum.hpp>
#include <openvino/op/hard_sigmoid.hpp>
#include <openvino/op/normalize_l2.hpp>
#include <openvino/op/scaled_dot_product_attention.hpp>
#include <openvino/op/selu.hpp>

#include "backend/conformance_kit.h"
#include "backends/reference/reference_backend.h"

namespace accel::backend {
namespace {

using ::testing::HasSubstr;

// --- einsum ------------------------------------------------------------------------------------

const std::map<char, int64_t> kSize{{'a', 2}, {'b', 3}, {'c', 4}, {'d', 5}, {'e', 1}};

Shape shape_of(const std::string& labels) {
  Shape shape;
  for (const char label : labels) shape.push_back(kSize.at(label));
  return shape;
}

// The position in an array of those labels for a choice of all indices.
size_t offset(const std::string& labels, const std::map<char, int64_t>& index) {
  size_t position = 0;
  for (const char label : labels) {
    position =
        position * static_cast<size_t>(kSize.at(label)) + static_cast<size_t>(index.at(label));
  }
  return position;
}

// The next choice of indices, like an odometer; false after the last.
bool advance(std::map<char, int64_t>& index) {
  for (auto& [label, value] : index) {
    if (++value < kSize.at(label)) return true;
    value = 0;
  }
  return false;
}

// Every choice of indices adds the product of its elements: the definition itself.
Numbers einsum(const std::vector<std::string>& operands, const std::vector<Numbers>& inputs,
               const std::string& result) {
  Numbers output(shape_of(result));
  std::map<char, int64_t> index;
  for (const std::string& labels : operands) {
    for (const char label : labels) index[label] = 0;
  }
  do {
    double product = 1;
    for (size_t i = 0; i < operands.size(); ++i) {
      product *= inputs[i].values[offset(operands[i], index)];
    }
    output.values[offset(result, index)] += product;
  } while (advance(index));
  return output;
}

ConformanceCase einsum_case(const std::vector<std::string>& operands, const std::string& result) {
  ov::ParameterVector parameters;
  ov::OutputVector sources;
  std::vector<Numbers> inputs;
  ConformanceRun run;
  std::string equation;
  for (const std::string& labels : operands) {
    const std::string name = "x" + std::to_string(inputs.size());
    const ov::PartialShape free(std::vector<ov::Dimension>(labels.size(), -1));
    parameters.push_back(parameter(name, ov::element::f32, free));
    sources.push_back(parameters.back());
    inputs.push_back(samples(shape_of(labels), static_cast<uint32_t>(inputs.size())));
    run.inputs.push_back({name, as_f32(inputs.back())});
    equation += (equation.empty() ? "" : ",") + labels;
  }
  equation += "->" + result;
  run.expected = {{"y", as_f32(einsum(operands, inputs, result))}};
  const Output y = node<ov::op::v7::Einsum>(sources, equation);
  return {.name = equation, .model = graph(parameters, {{"y", y}}), .runs = {run}, .epsilons = 8};
}

TEST(EinsumRule, FollowsTheDefinition) {
  const std::vector<ConformanceCase> cases{
      einsum_case({"ab", "bc"}, "ac"),        // matrix product
      einsum_case({"bac", "bdc"}, "bad"),     // batched, second transposed
      einsum_case({"ab"}, "ba"),              // transposition
      einsum_case({"abc"}, "b"),              // sums
      einsum_case({"ab"}, ""),                // to one number
      einsum_case({"a", "b"}, "ba"),          // outer product
      einsum_case({"abc", "abc"}, "abc"),     // element by element
      einsum_case({"abd", "bc"}, "ca"),       // axes that only one operand has are summed
      einsum_case({"ab", "bc", "cd"}, "ad"),  // chain
      einsum_case({"abc", "cd", "ad"}, "b"),  // axes that a later operand still needs
      einsum_case({"aeb", "be"}, "ea"),       // an axis of size one
      einsum_case({"dcba", "abc"}, "dc"),     // several reduced axes in another order
  };
  for (const ConformanceCase& test : cases) {
    EXPECT_EQ(run_case(*make_reference_backend(), {}, test).to_string(), "OK");
  }
}

TEST(EinsumRule, LeavesWhatItDoesNotCover) {
  for (const std::string equation : {"aa->a", "...a->...a"}) {
    const auto x = parameter("x", ov::element::f32, {-1, -1});
    const Output y = node<ov::op::v7::Einsum>(ov::OutputVector{x}, equation);
    const Status status = make_reference_backend()->compile(graph({x}, {{"y", y}}), {}).status();
    EXPECT_EQ(status.code(), StatusCode::kUnimplemented) << equation;
    EXPECT_THAT(status.message(), HasSubstr("Einsum"));
  }
}

// --- curves ------------------------------------------------------------------------------------

void expect_curve(const std::string& name, Output (*build)(const Output& x),
                  double (*expect)(double x)) {
  const auto x = parameter("x", ov::element::f32, {-1});
  const Numbers input = samples({64}, 1);
  Numbers expected = input;
  for (double& value : expected.values) value = expect(value);
  const ConformanceCase test{.name = name,
                             .model = graph({x}, {{"y", build(x)}}),
                             .runs = {{{{"x", as_f32(input)}}, {{"y", as_f32(expected)}}}},
                             .epsilons = 8};
  EXPECT_EQ(run_case(*make_reference_backend(), {}, test).to_string(), "OK");
}

TEST(HardSigmoidRule, IsALineBetweenZeroAndOne) {
  expect_curve(
      "hard_sigmoid",
      [](const Output& x) { return node<ov::op::v0::HardSigmoid>(x, scalar(2), scalar(0.5F)); },
      [](double x) { return std::clamp(2 * x + 0.5, 0.0, 1.0); });
}

TEST(SeluRule, ScalesBothBranches) {
  expect_curve(
      "selu", [](const Output& x) { return node<ov::op::v0::Selu>(x, scalar(1.5F), scalar(3)); },
      [](double x) { return 3 * (x > 0 ? x : 1.5 * std::expm1(x)); });
}

TEST(NormalizeL2Rule, AddsItsEpsilonInThatMode) {
  expect_curve(
      "normalize_add",
      [](const Output& x) {
        // No axis: every value by itself.
        return node<ov::op::v0::NormalizeL2>(x, integers({}), 0.5F, ov::op::EpsMode::ADD);
      },
      [](double x) { return x / std::sqrt(x * x + 0.5); });
}

TEST(ConvertLikeRule, TakesTheTypeOfTheOther) {
  const auto x = parameter("x", ov::element::i64, {-1});
  const Output y = node<ov::op::v1::ConvertLike>(x, scalar(0));
  Numbers input({3});
  input.values = {-1, 0, 70000};
  const ConformanceCase test{.name = "convert_like",
                             .model = graph({x}, {{"y", y}}),
                             .runs = {{{{"x", as_i64(input)}}, {{"y", as_f32(input)}}}},
                             .epsilons = 0};
  EXPECT_EQ(run_case(*make_reference_backend(), {}, test).to_string(), "OK");
}

TEST(AttentionRule, LeavesSinks) {
  ov::OutputVector in;
  ov::ParameterVector parameters;
  for (const std::string name : {"q", "k", "v"}) {
    parameters.push_back(parameter(name, ov::element::f32, {1, 2, -1, 4}));
    in.push_back(parameters.back());
  }
  for (const Output& more : {scalar(0), scalar(0.5F), constant(samples({1, 2, 1, 1}, 1))}) {
    in.push_back(more);
  }
  const Output y = node<ov::op::v13::ScaledDotProductAttention>(in, false);
  const Status status =
      make_reference_backend()->compile(graph(parameters, {{"y", y}}), {}).status();
  EXPECT_EQ(status.code(), StatusCode::kUnimplemented);
  EXPECT_THAT(status.message(), HasSubstr("ScaledDotProductAttention"));
}

}  // namespace
}  // namespace accel::backend
