#include "models/foreign/quantize.h"

#include <algorithm>
#include <cmath>
#include <openvino/op/add.hpp>
#include <openvino/op/clamp.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/divide.hpp>
#include <openvino/op/fake_quantize.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/result.hpp>
#include <openvino/op/round.hpp>
#include <openvino/op/subtract.hpp>
#include <optional>
#include <vector>

namespace accel::models::foreign {
namespace {

using ov::op::v0::Convert;
using ov::op::v1::Divide;
using ov::op::v1::Multiply;
using ov::op::v1::Subtract;
using Numbers = ov::op::v0::Constant;

struct Quantizer {
  Value scale;
  Value zero_point;  // as floats
};

// The engine divides by multiplying with an inverse, unless told. Its SDK has no header for this.
void divide_truly(const NodePtr& divide) {
  divide->get_rt_info()["nonconvertable_divide_0"] = true;
}

// Behind a DequantizeLinear: Convert to floats, perhaps Subtract, Multiply.
bool is_dequantized_only(const Value& integers) {
  const auto users = integers.get_target_inputs();
  return std::ranges::all_of(users, [](const ov::Input<ov::Node>& user) {
    const auto* convert = ov::as_type<Convert>(user.get_node());
    if (convert == nullptr || !convert->get_element_type().is_real()) return false;
    const auto readers = convert->output(0).get_target_inputs();
    return std::ranges::all_of(readers, [](const ov::Input<ov::Node>& reader) {
      return ov::is_type<Subtract>(reader.get_node()) || ov::is_type<Multiply>(reader.get_node());
    });
  });
}

std::optional<float> only_number(const Value& value) {
  const auto constant = ov::as_type_ptr<Numbers>(value.get_node_shared_ptr());
  if (!constant || ov::shape_size(constant->get_shape()) != 1) return std::nullopt;
  return constant->cast_vector<float>().front();
}

// What the least input, scale * (least - zero point), was made from.
std::optional<Quantizer> as_written(const Value& least_input) {
  const auto product = ov::as_type_ptr<Multiply>(least_input.get_node_shared_ptr());
  if (!product) return std::nullopt;
  const auto offset = ov::as_type_ptr<Subtract>(product->get_input_node_shared_ptr(1));
  if (!offset) return std::nullopt;
  return Quantizer{product->input_value(0), offset->input_value(1)};
}

// The same where the front end has folded both ends into numbers. The zero points are exact, the
// scales are within the last bit, and exact where products with 8 or 16 bits are.
std::optional<Quantizer> as_folded(const ov::op::v0::FakeQuantize& node, float least, float most) {
  const auto begin = ov::as_type_ptr<Numbers>(node.get_input_node_shared_ptr(1));
  const auto end = ov::as_type_ptr<Numbers>(node.get_input_node_shared_ptr(2));
  if (!begin || !end || begin->get_shape() != end->get_shape()) return std::nullopt;
  const std::vector<double> from = begin->cast_vector<double>();
  const std::vector<double> to = end->cast_vector<double>();
  std::vector<float> scales;
  std::vector<float> zero_points;
  for (size_t i = 0; i < from.size(); ++i) {
    const double scale = (to[i] - from[i]) / (most - least);
    scales.push_back(static_cast<float>(scale));
    zero_points.push_back(static_cast<float>(std::round(least - from[i] / scale)));
  }
  return Quantizer{Numbers::create(ov::element::f32, begin->get_shape(), scales),
                   Numbers::create(ov::element::f32, begin->get_shape(), zero_points)};
}

void mend_fake_quantize(const NodePtr& node) {
  const auto fake = ov::as_type_ptr<ov::op::v0::FakeQuantize>(node);
  if (!fake || fake->get_input_element_type(0) != ov::element::f32) return;
  const std::optional<float> least = only_number(fake->input_value(3));
  const std::optional<float> most = only_number(fake->input_value(4));
  const auto users = fake->output(0).get_target_inputs();
  if (!least || !most || users.size() != 1) return;
  const auto integers = ov::as_type_ptr<Convert>(users.begin()->get_node()->shared_from_this());
  if (!integers || !integers->get_element_type().is_integral_number()) return;
  if (is_dequantized_only(integers->output(0))) return;
  std::optional<Quantizer> quantizer = as_written(fake->input_value(1));
  if (!quantizer) quantizer = as_folded(*fake, *least, *most);
  if (!quantizer) return;
  const auto steps = std::make_shared<Divide>(fake->input_value(0), quantizer->scale);
  divide_truly(steps);
  const auto whole =
      std::make_shared<ov::op::v5::Round>(steps, ov::op::v5::Round::RoundMode::HALF_TO_EVEN);
  const auto moved = std::make_shared<ov::op::v1::Add>(whole, quantizer->zero_point);
  const auto held = std::make_shared<ov::op::v0::Clamp>(moved, *least, *most);
  hand_over(fake->output(0), users, held);
}

// Round(x * 255 / range) to Round(x / scale), where scale is range / 255.
void mend_dynamic(const NodePtr& node) {
  const auto round = ov::as_type_ptr<ov::op::v5::Round>(node);
  if (!round) return;
  const auto divide = ov::as_type_ptr<Divide>(round->get_input_node_shared_ptr(0));
  if (!divide) return;
  divide_truly(divide);  // the zero point's has the right form
  const auto product = ov::as_type_ptr<Multiply>(divide->get_input_node_shared_ptr(0));
  if (!product) return;
  const auto difference = ov::as_type_ptr<Subtract>(product->get_input_node_shared_ptr(1));
  const std::optional<float> most =
      only_number(difference ? difference->input_value(0) : product->input_value(1));
  for (const ov::Input<ov::Node>& user : divide->input_value(1).get_target_inputs()) {
    const auto scale = ov::as_type_ptr<Divide>(user.get_node()->shared_from_this());
    if (!scale || user.get_index() != 0 || !most) continue;
    if (only_number(scale->input_value(1)) != most) continue;
    divide_truly(scale);
    divide->input(0).replace_source_output(product->input_value(0));
    divide->input(1).replace_source_output(scale);
    return;
  }
}

// A scale that the graph computes, as the functions of ONNX's own tests do.
void mend_scale(const NodePtr& node) {
  const auto divide = ov::as_type_ptr<Divide>(node);
  if (!divide) return;
  const ov::PartialShape& shape = divide->get_output_partial_shape(0);
  if (shape.is_static() && ov::shape_size(shape.to_shape()) == 1) divide_truly(divide);
}

}  // namespace

void quantize_as_said(const NodePtr& node) {
  mend_fake_quantize(node);
  mend_dynamic(node);
  mend_scale(node);
}

}  // namespace accel::models::foreign
