#include "backends/openvino/own_kernels.h"

#include <openvino/core/graph_util.hpp>
#include <openvino/op/add.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/gelu.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/mvn.hpp>
#include <openvino/op/relu.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/scaled_dot_product_attention.hpp>
#include <openvino/op/swish.hpp>
#include <openvino/op/transpose.hpp>
#include <optional>
#include <vector>

#include "backends/openvino/program_op.h"
#include "backends/openvino/recognised_ops.h"

namespace accel::backend {
namespace {

using kernels::Activation;
using Value = ov::Output<ov::Node>;
using Constant = ov::op::v0::Constant;

template <class Op>
std::shared_ptr<Op> as(const std::shared_ptr<ov::Node>& node) {
  return ov::as_type_ptr<Op>(node);
}

// --- looking around ----------------------------------------------------------------------------

// The node that alone reads `value`; null when there are several, or none.
std::shared_ptr<ov::Node> only_reader(const Value& value) {
  const auto readers = value.get_target_inputs();
  return readers.size() == 1 ? readers.begin()->get_node()->shared_from_this() : nullptr;
}

// The other input of an operation with two.
Value other_input(const ov::Node& node, const Value& one) {
  return node.input_value(node.input_value(0) == one ? 1 : 0);
}

std::shared_ptr<Constant> constant_of(const Value& value) {
  auto node = value.get_node_shared_ptr();
  if (const auto convert = as<ov::op::v0::Convert>(node)) {
    node = convert->input_value(0).get_node_shared_ptr();
  }
  auto constant = as<Constant>(node);
  if (constant == nullptr || !constant->get_element_type().is_real()) return nullptr;
  return constant;
}

// A constant that holds one number per column: [size], with ones before it.
std::optional<std::vector<float>> per_column(const Value& value, int64_t size) {
  const auto constant = constant_of(value);
  if (constant == nullptr) return std::nullopt;
  const ov::Shape& shape = constant->get_shape();
  const auto count = static_cast<size_t>(size);
  if (shape.empty() || shape.back() != count || ov::shape_size(shape) != count) return std::nullopt;
  return constant->cast_vector<float>();
}

bool has_integers(const Value& value, const std::vector<int64_t>& expected) {
  const auto constant = as<Constant>(value.get_node_shared_ptr());
  return constant != nullptr && constant->get_element_type().is_integral_number() &&
         constant->cast_vector<int64_t>() == expected;
}

// The value whose dimensions, but for the last, are those of `value`.
Value rows_from(Value value) {
  const auto moved = [](const ov::Node* node) {
    return ov::is_type<DenseOp>(node) || ov::is_type<AttentionOp>(node);
  };
  while (moved(value.get_node())) value = value.get_node()->input_value(0);
  return value;
}

// --- dense layers ------------------------------------------------------------------------------

std::optional<Activation> activation_of(const ov::Node& node) {
  if (const auto* gelu = ov::as_type<const ov::op::v7::Gelu>(&node)) {
    const bool exact = gelu->get_approximation_mode() == ov::op::GeluApproximationMode::ERF;
    return exact ? Activation::kGeluErf : Activation::kGeluTanh;
  }
  if (ov::is_type<ov::op::v0::Relu>(&node)) return Activation::kRelu;
  if (ov::is_type<ov::op::v4::Swish>(&node) && node.get_input_size() == 1) {
    return Activation::kSilu;
  }
  return std::nullopt;
}

// A dense layer as far as it has been followed.
struct Dense {
  ov::OutputVector inputs;
  kernels::DenseParts parts;
  Value end;
};

// Each of these takes the next node into the layer when it fits.

void take_bias(Dense& dense) {
  const auto add = as<ov::op::v1::Add>(only_reader(dense.end));
  if (add == nullptr) return;
  auto bias = per_column(other_input(*add, dense.end), dense.parts.out);
  if (!bias) return;
  dense.parts.bias = std::move(*bias);
  dense.end = add->output(0);
}

void take_activation(Dense& dense) {
  const auto reader = only_reader(dense.end);
  const auto activation = reader == nullptr ? std::nullopt : activation_of(*reader);
  if (!activation) return;
  dense.parts.activation = *activation;
  dense.end = reader->output(0);
}

void take_residual(Dense& dense) {
  const auto add = as<ov::op::v1::Add>(only_reader(dense.end));
  if (add == nullptr) return;
  const Value other = other_input(*add, dense.end);
  const ov::PartialShape& shape = other.get_partial_shape();
  const bool as_wide = shape.rank().is_static() && shape.size() > 0 &&
                       shape == dense.end.get_partial_shape() &&
                       shape[shape.size() - 1] == dense.parts.out;
  // Free dimensions could differ and broadcast, unless both come from the same place.
  if (!as_wide || other == dense.end) return;
  if (rows_from(other) != rows_from(dense.inputs[0])) return;
  dense.inputs.push_back(other);
  dense.end = add->output(0);
}

void take_norm(Dense& dense) {
  const auto mvn = as<ov::op::v6::MVN>(only_reader(dense.end));
  const auto last = dense.end.get_partial_shape().rank().get_length() - 1;
  if (mvn == nullptr || !mvn->get_normalize_variance() ||
      mvn->get_eps_mode() != ov::op::MVNEpsMode::INSIDE_SQRT ||
      (!has_integers(mvn->input_value(1), {-1}) && !has_integers(mvn->input_value(1), {last}))) {
    return;
  }
  const auto scale = as<ov::op::v1::Multiply>(only_reader(mvn->output(0)));
  if (scale == nullptr) return;
  auto gamma = per_column(other_input(*scale, mvn->output(0)), dense.parts.out);
  const auto shift = as<ov::op::v1::Add>(only_reader(scale->output(0)));
  if (!gamma || shift == nullptr) return;
  auto beta = per_column(other_input(*shift, scale->output(0)), dense.parts.out);
  if (!beta) return;
  dense.parts.gamma = std::move(*gamma);
  dense.parts.beta = std::move(*beta);
  dense.parts.epsilon = mvn->get_eps();
  dense.end = shift->output(0);
}

bool move_dense(ov::op::v0::MatMul& product, const kernels::KernelTable& table,
                const kernels::Threads& threads) {
  const auto weight = constant_of(product.input_value(1));
  const ov::PartialShape& shape = product.get_input_partial_shape(0);
  if (weight == nullptr || weight->get_shape().size() != 2 || product.get_transpose_a() ||
      !product.get_transpose_b() || shape.rank().is_dynamic() || shape.size() < 2 ||
      product.get_input_element_type(0) != ov::element::f32) {
    return false;
  }
  Dense dense{.inputs = {product.input_value(0)},
              .parts = {.in = static_cast<int64_t>(weight->get_shape()[1]),
                        .out = static_cast<int64_t>(weight->get_shape()[0])},
              .end = product.output(0)};
  take_bias(dense);
  take_activation(dense);
  take_residual(dense);
  take_norm(dense);

  std::vector<float> converted;
  if (weight->get_element_type() == ov::element::f32) {
    dense.parts.weight = weight->get_data_ptr<float>();
  } else {
    converted = weight->cast_vector<float>();
    dense.parts.weight = converted.data();
  }
  const Value end = dense.end;
  const auto moved = std::make_shared<DenseOp>(
      dense.inputs, std::make_shared<kernels::DenseLayer>(std::move(dense.parts), table, threads));
  moved->set_friendly_name(end.get_node()->get_friendly_name());
  ov::replace_node(end.get_node_shared_ptr(), moved);
  return true;
}

// --- attention ---------------------------------------------------------------------------------

// [B, L, A*D] when `value` is that split into heads: [B, A, L, D].
std::optional<Value> before_split(const Value& value, int64_t heads, int64_t head_size) {
  const auto transpose = as<ov::op::v1::Transpose>(value.get_node_shared_ptr());
  if (transpose == nullptr || !has_integers(transpose->input_value(1), {0, 2, 1, 3})) {
    return std::nullopt;
  }
  const auto reshape = as<ov::op::v1::Reshape>(transpose->input_value(0).get_node_shared_ptr());
  if (reshape == nullptr || !reshape->get_special_zero() ||
      !has_integers(reshape->input_value(1), {0, 0, heads, head_size})) {
    return std::nullopt;
  }
  return reshape->input_value(0);
}

// [B, L, A*D], made of what attention gives: [B, A, L, D].
std::shared_ptr<ov::Node> merged(const Value& heads, int64_t hidden) {
  const auto transpose = as<ov::op::v1::Transpose>(only_reader(heads));
  if (transpose == nullptr || !has_integers(transpose->input_value(1), {0, 2, 1, 3}))
    return nullptr;
  const auto reshape = as<ov::op::v1::Reshape>(only_reader(transpose->output(0)));
  if (reshape == nullptr || !reshape->get_special_zero() ||
      !has_integers(reshape->input_value(1), {0, 0, hidden})) {
    return nullptr;
  }
  return reshape;
}

bool move_attention(ov::op::v13::ScaledDotProductAttention& node) {
  constexpr int64_t kLanes = 16;
  const ov::PartialShape& shape = node.get_input_partial_shape(0);
  const size_t inputs = node.get_input_size();
  if (node.get_causal() || inputs > 4 || shape.rank() != 4 || shape[1].is_dynamic() ||
      shape[3].is_dynamic() || shape[3].get_length() % kLanes != 0) {
    return false;
  }
  const int64_t heads = shape[1].get_length();
  const int64_t head_size = shape[3].get_length();
  ov::OutputVector sources;
  for (size_t i = 0; i < 3; ++i) {
    const auto source = before_split(node.input_value(i), heads, head_size);
    if (!source) return false;
    sources.push_back(*source);
  }
  if (inputs == 4) {
    const Value mask = node.input_value(3);
    if (mask.get_element_type() != ov::element::f32 || mask.get_partial_shape().rank() != 4) {
      return false;
    }
    sources.push_back(mask);
  }
  const auto end = merged(node.output(0), heads * head_size);
  if (end == nullptr) return false;
  const auto moved = std::make_shared<AttentionOp>(sources, heads, head_size);
  moved->set_friendly_name(end->get_friendly_name());
  ov::replace_node(end, moved);
  return true;
}

}  // namespace

OwnKernels move_to_own_kernels(const std::shared_ptr<const ov::Model>& model,
                               const kernels::KernelTable& table, const ProgramUse& use) {
  const std::shared_ptr<ov::Model> moved = model->clone();
  OwnKernels result{.model = moved};
  kernels::Threads layers = engine_threads();
  layers.count = std::min(layers.count, use.threads.all);
  // In the order of execution, so that what a node reads has been moved before it.
  for (const auto& node : moved->get_ordered_ops()) {
    if (const auto product = as<ov::op::v0::MatMul>(node)) {
      result.dense += move_dense(*product, table, layers) ? 1 : 0;
    } else if (const auto sdpa = as<ov::op::v13::ScaledDotProductAttention>(node)) {
      result.attention += move_attention(*sdpa) ? 1 : 0;
    }
  }
  // Attention alone (the weights are packed integers, say) gains a hundredth, and a graph of the
  // engine's nodes can be kept compiled.
  if (result.dense == 0) return {.model = model};
  gather_programs(*moved, table, use);
  result.name = std::string("accel-") + table.name;
  if (table.operand == kernels::Operand::kBF16Pair) result.precision = Precision::kBF16;
  return result;
}

}  // namespace accel::backend
