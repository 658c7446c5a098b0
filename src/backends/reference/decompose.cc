#include "backends/reference/decompose.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <limits>
#include <openvino/core/graph_util.hpp>
#include <openvino/core/model.hpp>
#include <openvino/op/add.hpp>
#include <openvino/op/clamp.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/convert_like.hpp>
#include <openvino/op/convolution.hpp>
#include <openvino/op/cum_sum.hpp>
#include <openvino/op/divide.hpp>
#include <openvino/op/einsum.hpp>
#include <openvino/op/elu.hpp>
#include <openvino/op/exp.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/greater.hpp>
#include <openvino/op/group_conv.hpp>
#include <openvino/op/hard_sigmoid.hpp>
#include <openvino/op/less_eq.hpp>
#include <openvino/op/log.hpp>
#include <openvino/op/log_softmax.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/maximum.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/normalize_l2.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/op/range.hpp>
#include <openvino/op/reduce_max.hpp>
#include <openvino/op/reduce_sum.hpp>
#include <openvino/op/scaled_dot_product_attention.hpp>
#include <openvino/op/select.hpp>
#include <openvino/op/selu.hpp>
#include <openvino/op/shape_of.hpp>
#include <openvino/op/sink.hpp>
#include <openvino/op/softmax.hpp>
#include <openvino/op/sqrt.hpp>
#include <openvino/op/squeeze.hpp>
#include <openvino/op/subtract.hpp>
#include <openvino/op/unsqueeze.hpp>
#include <openvino/op/util/read_value_base.hpp>
#include <utility>
#include <vector>

#include "backends/reference/arithmetic.h"
#include "backends/reference/rules.h"

namespace accel::backend {

Output whole_numbers(const std::vector<int64_t>& values) {
  return ov::op::v0::Constant::create(ov::element::i64, ov::Shape{values.size()}, values);
}

Output whole_number(int64_t value) {
  return ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {value});
}

Output sizes(const Output& value, const std::vector<int64_t>& axes) {
  const auto shape = std::make_shared<ov::op::v3::ShapeOf>(value, ov::element::i64);
  return std::make_shared<ov::op::v8::Gather>(shape, whole_numbers(axes), whole_number(0));
}

namespace {

// --- arithmetic --------------------------------------------------------------------------------

// `value` in the element type of `like`.
Output number(double value, const Output& like) {
  return ov::op::v0::Constant::create(like.get_element_type(), ov::Shape{}, {value});
}

template <class Operation>
Output apply(const Output& a, const Output& b) {
  return std::make_shared<Operation>(a, b);
}

Output over(const Output& a, const Output& b) { return apply<ov::op::v1::Divide>(a, b); }

Output exponential(const Output& x) { return std::make_shared<ov::op::v0::Exp>(x); }
Output square_root(const Output& x) { return std::make_shared<ov::op::v0::Sqrt>(x); }

Output sum(const Output& x, const Output& axes) {
  return std::make_shared<ov::op::v1::ReduceSum>(x, axes, true);
}

// --- activations -------------------------------------------------------------------------------

// x for positive x, else alpha (e^x - 1).
Output exponential_linear(const Output& x, const Output& alpha) {
  const Output positive = apply<ov::op::v1::Greater>(x, number(0, x));
  const Output below = times(alpha, minus(exponential(x), number(1, x)));
  return std::make_shared<ov::op::v1::Select>(positive, x, below);
}

std::optional<Output> elu_rule(const ov::Node& node) {
  const Output x = node.input_value(0);
  const double alpha = dynamic_cast<const ov::op::v0::Elu&>(node).get_alpha();
  return exponential_linear(x, number(alpha, x));
}

std::optional<Output> selu_rule(const ov::Node& node) {
  return times(node.input_value(2), exponential_linear(node.input_value(0), node.input_value(1)));
}

std::optional<Output> hard_sigmoid_rule(const ov::Node& node) {
  const Output line = plus(times(node.input_value(1), node.input_value(0)), node.input_value(2));
  return std::make_shared<ov::op::v0::Clamp>(line, 0.0, 1.0);
}

std::optional<Output> log_softmax_rule(const ov::Node& node) {
  const Output x = node.input_value(0);
  const Output axis = whole_numbers({dynamic_cast<const ov::op::v5::LogSoftmax&>(node).get_axis()});
  const Output below = minus(x, std::make_shared<ov::op::v1::ReduceMax>(x, axis, true));
  return minus(below, std::make_shared<ov::op::v0::Log>(sum(exponential(below), axis)));
}

// --- normalisation and conversion --------------------------------------------------------------

// x / sqrt(max(sum of squares, eps)), or with their sum in place of the maximum.
std::optional<Output> normalize_l2_rule(const ov::Node& node) {
  const auto& normalize = dynamic_cast<const ov::op::v0::NormalizeL2&>(node);
  const Output x = node.input_value(0);
  const Output squares = sum(times(x, x), node.input_value(1));
  const Output least = number(normalize.get_eps(), x);
  const bool at_least = normalize.get_eps_mode() == ov::op::EpsMode::MAX;
  return over(
      x, square_root(at_least ? apply<ov::op::v1::Maximum>(squares, least) : plus(squares, least)));
}

std::optional<Output> convert_like_rule(const ov::Node& node) {
  return std::make_shared<ov::op::v0::Convert>(node.input_value(0), node.get_input_element_type(1));
}

// --- attention ---------------------------------------------------------------------------------

// 0 .. n-1 for the size n of that axis of `value`.
Output counted(const Output& value, int64_t axis) {
  const auto size = std::make_shared<ov::op::v0::Squeeze>(sizes(value, {axis}), whole_numbers({0}));
  return std::make_shared<ov::op::v4::Range>(whole_number(0), size, whole_number(1),
                                             ov::element::i64);
}

// scores [.., L, S] where `keep` is true, else minus infinity.
Output kept(const Output& scores, const Output& keep) {
  // By its bytes: the engine takes infinity for a number out of range.
  const float infinity = -std::numeric_limits<float>::infinity();
  const auto hidden =
      std::make_shared<ov::op::v0::Constant>(ov::element::f32, ov::Shape{}, &infinity);
  const auto same_type = std::make_shared<ov::op::v0::Convert>(hidden, scores.get_element_type());
  return std::make_shared<ov::op::v1::Select>(keep, scores, same_type);
}

Output masked(const ov::Node& node, const Output& scores) {
  if (dynamic_cast<const ov::op::v13::ScaledDotProductAttention&>(node).get_causal()) {
    const auto row =
        std::make_shared<ov::op::v0::Unsqueeze>(counted(scores, -2), whole_numbers({1}));
    return kept(scores, apply<ov::op::v1::LessEqual>(counted(scores, -1), row));
  }
  if (node.get_input_size() < 4) return scores;
  const Output mask = node.input_value(3);
  return mask.get_element_type() == ov::element::boolean ? kept(scores, mask) : plus(scores, mask);
}

// softmax(q k^T * scale + mask) v; the scale is 1 / sqrt(size of a head) unless given.
std::optional<Output> attention_rule(const ov::Node& node) {
  if (node.get_input_size() > 5) return std::nullopt;  // sinks
  const Output query = node.input_value(0);
  const Output product =
      std::make_shared<ov::op::v0::MatMul>(query, node.input_value(1), false, true);
  const auto head_size =
      std::make_shared<ov::op::v0::Convert>(sizes(query, {-1}), query.get_element_type());
  const Output scores = node.get_input_size() > 4 ? times(product, node.input_value(4))
                                                  : over(product, square_root(head_size));
  const auto weights = std::make_shared<ov::op::v8::Softmax>(masked(node, scores), -1);
  return std::make_shared<ov::op::v0::MatMul>(weights, node.input_value(2));
}

// --- the table ---------------------------------------------------------------------------------

const std::array<std::pair<ov::DiscreteTypeInfo, Rule>, 11>& rules() {
  static const std::array<std::pair<ov::DiscreteTypeInfo, Rule>, 11> table{{
      {ov::op::v1::ConvertLike::get_type_info_static(), convert_like_rule},
      {ov::op::v1::Convolution::get_type_info_static(), convolution_rule},
      {ov::op::v0::CumSum::get_type_info_static(), cum_sum_rule},
      {ov::op::v7::Einsum::get_type_info_static(), einsum_rule},
      {ov::op::v0::Elu::get_type_info_static(), elu_rule},
      {ov::op::v1::GroupConvolution::get_type_info_static(), group_convolution_rule},
      {ov::op::v0::HardSigmoid::get_type_info_static(), hard_sigmoid_rule},
      {ov::op::v5::LogSoftmax::get_type_info_static(), log_softmax_rule},
      {ov::op::v0::NormalizeL2::get_type_info_static(), normalize_l2_rule},
      {ov::op::v13::ScaledDotProductAttention::get_type_info_static(), attention_rule},
      {ov::op::v0::Selu::get_type_info_static(), selu_rule},
  }};
  return table;
}

std::optional<Output> rewritten(const ov::Node& node) {
  for (const auto& [type, rule] : rules()) {
    if (node.get_type_info() == type) return rule(node);
  }
  return std::nullopt;
}

// State outlives a run and control flow holds graphs of its own: neither is one evaluation.
bool can_evaluate(const ov::Node& node) {
  if (ov::is_type<ov::op::Sink>(&node)) return false;
  if (dynamic_cast<const ov::op::util::ReadValueBase*>(&node) != nullptr) return false;
  return ov::is_type<ov::op::v0::Parameter>(&node) || ov::is_type<ov::op::v0::Constant>(&node) ||
         node.has_evaluate();
}

}  // namespace

Status make_evaluable(ov::Model& model) {
  for (const auto& node : model.get_ordered_ops()) {
    const std::optional<Output> value = rewritten(*node);
    if (!value) continue;
    value->get_node()->set_friendly_name(node->get_friendly_name());
    ov::replace_node(node, ov::OutputVector{*value});
  }
  std::vector<std::string> left_over;
  for (const auto& node : model.get_ordered_ops()) {
    if (can_evaluate(*node)) continue;
    left_over.push_back(fmt::format("{} '{}'", node->get_type_name(), node->get_friendly_name()));
  }
  if (left_over.empty()) return {};
  return unimplemented(
      fmt::format("the reference backend cannot compute {}; use the openvino backend",
                  fmt::join(left_over, ", ")));
}

}  // namespace accel::backend
