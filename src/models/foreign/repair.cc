#include "models/foreign/repair.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <openvino/op/add.hpp>
#include <openvino/op/concat.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/convert_like.hpp>
#include <openvino/op/equal.hpp>
#include <openvino/op/floor_mod.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/gather_elements.hpp>
#include <openvino/op/greater.hpp>
#include <openvino/op/interpolate.hpp>
#include <openvino/op/irdft.hpp>
#include <openvino/op/less.hpp>
#include <openvino/op/less_eq.hpp>
#include <openvino/op/max_pool.hpp>
#include <openvino/op/maximum.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/non_max_suppression.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/op/range.hpp>
#include <openvino/op/rdft.hpp>
#include <openvino/op/reduce_max.hpp>
#include <openvino/op/reduce_min.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/result.hpp>
#include <openvino/op/select.hpp>
#include <openvino/op/shape_of.hpp>
#include <openvino/op/squeeze.hpp>
#include <openvino/op/subtract.hpp>
#include <openvino/op/tile.hpp>
#include <openvino/op/topk.hpp>
#include <openvino/op/unsqueeze.hpp>
#include <openvino/op/util/fft_base.hpp>
#include <openvino/op/util/multi_subgraph_base.hpp>
#include <openvino/pass/constant_folding.hpp>

#include "base/try.h"
#include "models/foreign/graph_edit.h"
#include "models/foreign/quantize.h"
#include "tensors/shown.h"

namespace accel::models::foreign {
namespace {

using ov::op::v0::Constant;

NodePtr integer_constant(int64_t value) {
  return Constant::create(ov::element::i64, ov::Shape{}, {value});
}

// The first of the best along an axis of known length, which a stable sort takes several times as
// long to find. Of rows without any best, infinite or no numbers all, it is the first.
void find_first(const std::shared_ptr<ov::op::v11::TopK>& top) {
  const bool largest = top->get_mode() == ov::op::TopKMode::MAX;
  const Value x = top->input_value(0);
  const auto axis = static_cast<int64_t>(top->get_axis());
  const ov::Dimension length = x.get_partial_shape()[axis];
  const auto along = Constant::create(ov::element::i64, ov::Shape{1}, {axis});
  const auto value_users = top->output(0).get_target_inputs();
  const auto index_users = top->output(1).get_target_inputs();
  const auto end = Constant::create(ov::element::i32, ov::Shape{}, {length.get_length()});
  const auto number = [](int32_t value) {
    return Constant::create(ov::element::i32, ov::Shape{}, {value});
  };
  NodePtr positions =
      std::make_shared<ov::op::v4::Range>(number(0), end, number(1), ov::element::i32);
  std::vector<int64_t> shape(x.get_partial_shape().size(), 1);
  shape[axis] = length.get_length();
  positions = std::make_shared<ov::op::v1::Reshape>(
      positions, Constant::create(ov::element::i64, ov::Shape{shape.size()}, shape), false);
  NodePtr best;
  NodePtr worse;
  if (largest) {
    best = std::make_shared<ov::op::v1::ReduceMax>(x, along, true);
    worse = std::make_shared<ov::op::v1::Less>(x, best);
  } else {
    best = std::make_shared<ov::op::v1::ReduceMin>(x, along, true);
    worse = std::make_shared<ov::op::v1::Greater>(x, best);
  }
  const auto places = std::make_shared<ov::op::v1::Select>(worse, end, positions);
  const auto first = std::make_shared<ov::op::v1::ReduceMin>(places, along, true);
  const auto none = std::make_shared<ov::op::v1::Equal>(first, end);
  const auto index = std::make_shared<ov::op::v1::Select>(none, number(0), first);
  const auto value = std::make_shared<ov::op::v6::GatherElements>(x, index, axis);
  hand_over(top->output(0), value_users, value);
  hand_over(top->output(1), index_users,
            std::make_shared<ov::op::v0::Convert>(index, top->get_index_element_type()));
}

// The device's sort keeps no order of its own accord, not even for the first (ArgMax).
void keep_order(const NodePtr& node) {
  const auto top = ov::as_type_ptr<ov::op::v11::TopK>(node);
  if (!top || top->get_sort_type() == ov::op::TopKSortType::NONE) return;
  top->set_stable(true);
  const auto count = ov::as_type_ptr<Constant>(top->get_input_node_shared_ptr(1));
  const ov::PartialShape& shape = top->get_input_partial_shape(0);
  if (!count || count->cast_vector<int64_t>() != std::vector<int64_t>{1}) return;
  if (shape.rank().is_dynamic() || shape[top->get_axis()].is_dynamic()) return;
  if (shape[top->get_axis()] == 0 || !top->get_input_element_type(0).is_real()) return;
  find_first(top);
}

// The largest of the values less the largest of them, as softmax has it: an infinite one makes all
// of them no number either way, and the engine knows the pattern.
bool is_subtracted_only(const NodePtr& node) {
  for (const ov::Input<ov::Node>& use : node->output(0).get_target_inputs()) {
    const auto* subtract = ov::as_type<ov::op::v1::Subtract>(use.get_node());
    if (subtract == nullptr || use.get_index() != 1 ||
        subtract->input_value(0) != node->input_value(0)) {
      return false;
    }
  }
  return true;
}

// Infinite constants of bf16 and f64 would become the largest finite number in the engine's f32.
NodePtr late_conversion(const NodePtr& constant, const ov::element::Type& type) {
  const auto converted = std::make_shared<ov::op::v0::Convert>(constant, type);
  ov::pass::disable_constant_folding(converted);
  return converted;
}

bool is_clamped(const ov::element::Type& type) {
  return type == ov::element::bf16 || type == ov::element::f64;
}

// The front end's own (-inf in masks) are f32 that is converted.
void keep_infinite(const NodePtr& node) {
  const bool converts =
      ov::is_type<ov::op::v0::Convert>(node) || ov::is_type<ov::op::v1::ConvertLike>(node);
  if (!converts && !ov::is_type<Constant>(node)) return;
  const ov::element::Type type = node->get_output_element_type(0);
  if (!is_clamped(type)) return;
  const auto constant =
      ov::as_type_ptr<Constant>(converts ? node->get_input_node_shared_ptr(0) : node);
  if (!constant || !constant->get_element_type().is_real()) return;
  const std::vector<float> values = constant->cast_vector<float>();
  if (std::ranges::none_of(values, [](float value) { return std::isinf(value); })) return;
  const auto users = node->output(0).get_target_inputs();
  const auto wide = Constant::create(ov::element::f32, constant->get_shape(), values);
  hand_over(node->output(0), users, late_conversion(wide, type));
}

// Past and new keys, joined; repeated for the groups of queries that share them.
std::shared_ptr<ov::op::v0::Concat> joined_keys(NodePtr keys) {
  while (ov::is_type<ov::op::v1::Reshape>(keys) || ov::is_type<ov::op::v0::Tile>(keys) ||
         ov::is_type<ov::op::v0::Unsqueeze>(keys)) {
    keys = keys->get_input_node_shared_ptr(0);
  }
  const auto joined = ov::as_type_ptr<ov::op::v0::Concat>(keys);
  return joined && joined->get_input_size() == 2 ? joined : nullptr;
}

// The queries of a causal Attention stand behind its past; the front end lets the last one stand
// at the last key, which is another place when there are more or fewer new keys than queries.
void stand_behind_past(const NodePtr& node) {
  const auto allowed = ov::as_type_ptr<ov::op::v1::LessEqual>(node);
  if (!allowed) return;
  const auto ahead = ov::as_type_ptr<ov::op::v1::Subtract>(allowed->get_input_node_shared_ptr(1));
  if (!ahead) return;
  const auto keys = ov::as_type_ptr<ov::op::v0::Squeeze>(ahead->get_input_node_shared_ptr(0));
  if (!keys) return;
  const auto size = ov::as_type_ptr<ov::op::v8::Gather>(keys->get_input_node_shared_ptr(0));
  if (!size) return;
  const auto sizes = ov::as_type_ptr<ov::op::v3::ShapeOf>(size->get_input_node_shared_ptr(0));
  if (!sizes) return;
  const auto joined = joined_keys(sizes->get_input_node_shared_ptr(0));
  if (!joined) return;
  const auto past_sizes =
      std::make_shared<ov::op::v3::ShapeOf>(joined->input_value(0), sizes->get_output_type());
  const auto past =
      std::make_shared<ov::op::v8::Gather>(past_sizes, size->input_value(1), size->input_value(2));
  allowed->input(1).replace_source_output(
      std::make_shared<ov::op::v0::Squeeze>(past, keys->input_value(1)));
}

// The device begins with the least finite number.
void reach_infinity(const NodePtr& node) {
  const bool largest = ov::is_type<ov::op::v1::ReduceMax>(node);
  if (!largest && !ov::is_type<ov::op::v1::ReduceMin>(node)) return;
  const ov::element::Type type = node->get_input_element_type(0);
  if (!type.is_real() || is_subtracted_only(node)) return;
  const bool keep = largest ? ov::as_type<ov::op::v1::ReduceMax>(node.get())->get_keep_dims()
                            : ov::as_type<ov::op::v1::ReduceMin>(node.get())->get_keep_dims();
  const float bound = std::numeric_limits<float>::infinity() * (largest ? -1.0F : 1.0F);
  const auto users = node->output(0).get_target_inputs();
  // Constants of other types do not take an infinite value.
  NodePtr infinite = Constant::create(ov::element::f32, ov::Shape{}, std::vector<float>{bound});
  if (type != ov::element::f32) infinite = late_conversion(infinite, type);
  const auto each = std::make_shared<ov::op::v1::Equal>(node->input_value(0), infinite);
  // As numbers: ReduceLogicalAnd takes constant axes only. Of nothing, the least is large.
  const auto ones = std::make_shared<ov::op::v0::Convert>(each, ov::element::f32);
  const auto least = std::make_shared<ov::op::v1::ReduceMin>(ones, node->input_value(1), keep);
  const auto half = Constant::create(ov::element::f32, ov::Shape{}, {0.5F});
  const auto all = std::make_shared<ov::op::v1::Greater>(least, half);
  hand_over(node->output(0), users, std::make_shared<ov::op::v1::Select>(all, infinite, node));
}

// The device gives uninitialised memory for some repeats that are an input (of four axes at once).
void repeat_by_rows(const NodePtr& node) {
  const auto tile = ov::as_type_ptr<ov::op::v0::Tile>(node);
  if (!tile || ov::is_type<Constant>(tile->get_input_node_ptr(1))) return;
  const ov::Rank rank = tile->get_input_partial_shape(0).rank();
  const ov::PartialShape& repeats = tile->get_input_partial_shape(1);
  const bool fits = rank.is_static() && repeats.rank().is_static() && repeats[0].is_static() &&
                    repeats[0].get_length() == rank.get_length();
  if (!fits) return;
  const auto users = tile->output(0).get_target_inputs();
  const auto zero = integer_constant(0);
  Value value = tile->input_value(0);
  const auto sizes = std::make_shared<ov::op::v3::ShapeOf>(value);
  const auto times = std::make_shared<ov::op::v0::Convert>(tile->input_value(1), ov::element::i64);
  for (int64_t axis = 0; axis < rank.get_length(); ++axis) {
    const auto at = integer_constant(axis);
    const auto size = std::make_shared<ov::op::v8::Gather>(sizes, at, zero);
    const auto count = std::make_shared<ov::op::v8::Gather>(times, at, zero);
    const auto range = std::make_shared<ov::op::v4::Range>(
        zero, std::make_shared<ov::op::v1::Multiply>(size, count), integer_constant(1),
        ov::element::i64);
    const auto rows = std::make_shared<ov::op::v1::FloorMod>(range, size);
    value = std::make_shared<ov::op::v8::Gather>(value, rows, at);
  }
  hand_over(tile->output(0), users, value);
}

// ONNX drops boxes that overlap by more than the threshold, the device those that reach it: the
// next number above is given in its place. t + t c with c = 3/4 of f32's epsilon rounds to it.
void keep_at_threshold(const NodePtr& node) {
  constexpr size_t kThreshold = 3;
  constexpr float kStep = 0.75F * std::numeric_limits<float>::epsilon();
  if (node->get_type_info().name != std::string_view("NonMaxSuppression")) return;
  if (node->get_input_size() <= kThreshold) return;
  const Value threshold = node->input_value(kThreshold);
  if (threshold.get_element_type() != ov::element::f32) return;
  const auto number = [](float value) {
    return Constant::create(ov::element::f32, ov::Shape{}, {value});
  };
  const auto step = std::make_shared<ov::op::v1::Multiply>(threshold, number(kStep));
  const auto above = std::make_shared<ov::op::v1::Add>(threshold, step);
  const auto positive =
      std::make_shared<ov::op::v1::Maximum>(above, number(std::numeric_limits<float>::min()));
  node->input(kThreshold).replace_source_output(positive);
}

// A window that begins in the padding at the end is none, as test_maxpool_2d_ceil_* of ONNX has it.
void end_in_picture(const NodePtr& node) {
  const auto pool = ov::as_type_ptr<ov::op::v8::MaxPool>(node);
  if (!pool || pool->get_rounding_type() != ov::op::RoundingType::CEIL) return;
  const auto made = std::make_shared<ov::op::v14::MaxPool>(
      pool->input_value(0), pool->get_strides(), pool->get_dilations(), pool->get_pads_begin(),
      pool->get_pads_end(), pool->get_kernel(), ov::op::RoundingType::CEIL_TORCH,
      pool->get_auto_pad(), pool->get_index_element_type(), pool->get_axis());
  made->set_friendly_name(pool->get_friendly_name());
  for (size_t i = 0; i < pool->get_output_size(); ++i) {
    const auto names = pool->output(i).get_names();
    pool->output(i).replace(made->output(i));
    made->output(i).set_names(names);
  }
}

Status mend_dft(const NodePtr& node) {
  const auto dft = std::dynamic_pointer_cast<ov::op::util::FFTBase>(node);
  if (!dft) return {};
  const ov::Rank rank = dft->get_input_partial_shape(0).rank();
  const auto axes = ov::as_type_ptr<Constant>(dft->get_input_node_shared_ptr(1));
  if (rank.is_dynamic() || !axes) {
    return unimplemented(fmt::format("DFT (at {}) is of a tensor without a rank; export the model "
                                     "with a shape for each input",
                                     tensors::shown(dft->get_friendly_name())));
  }
  std::vector<int64_t> positive = axes->cast_vector<int64_t>();
  for (int64_t& axis : positive) axis += axis < 0 ? rank.get_length() : 0;
  dft->input(1).replace_source_output(
      Constant::create(ov::element::i64, ov::Shape{positive.size()}, positive));
  const auto last = integer_constant(-1);
  if (ov::is_type<ov::op::v9::RDFT>(dft)) {
    // Real numbers are [..., 1] in ONNX, [...] in the engine.
    dft->input(0).replace_source_output(
        std::make_shared<ov::op::v0::Squeeze>(dft->input_value(0), last));
  } else if (ov::is_type<ov::op::v9::IRDFT>(dft)) {
    const auto users = dft->output(0).get_target_inputs();
    hand_over(dft->output(0), users, std::make_shared<ov::op::v0::Unsqueeze>(dft, last));
  }
  return {};
}

// Since opset 20 an axis that is not said is the last before the numbers; the front end takes 1.
void take_last_axis(const NodePtr& node) {
  if (!std::dynamic_pointer_cast<ov::op::util::FFTBase>(node)) return;
  node->input(1).replace_source_output(Constant::create(ov::element::i64, ov::Shape{1}, {-2}));
}

// By scales, ONNX aligns the corners of sizes before they are rounded, the engine's after.
Status check_corners(const NodePtr& node) {
  using Interpolate = ov::op::v11::Interpolate;
  const auto resize = ov::as_type_ptr<Interpolate>(node);
  if (!resize) return {};
  const auto& attributes = resize->get_attrs();
  const bool scales = attributes.shape_calculation_mode == Interpolate::ShapeCalcMode::SCALES;
  if (!scales || attributes.coordinate_transformation_mode !=
                     Interpolate::CoordinateTransformMode::ALIGN_CORNERS) {
    return {};
  }
  bool whole = false;
  if (const auto constant = ov::as_type_ptr<Constant>(resize->get_input_node_shared_ptr(1))) {
    whole = true;
    const ov::PartialShape& shape = resize->get_input_partial_shape(0);
    const std::vector<float> factors = constant->cast_vector<float>();
    for (size_t i = 0; i < factors.size(); ++i) {
      const bool known =
          shape.rank().is_static() && factors.size() == shape.size() && shape[i].is_static();
      const float size =
          known ? factors[i] * static_cast<float>(shape[i].get_length()) : factors[i];
      whole = whole && std::floor(size) == size;
    }
  }
  if (whole) return {};
  return unimplemented(fmt::format("Resize (at {}) aligns corners by scales that may give no whole "
                                   "sizes, where its front end would round; export the model with "
                                   "sizes, or another coordinate_transformation_mode",
                                   tensors::shown(resize->get_friendly_name())));
}

// An output that is an input has one tensor, which can have the names of one of them only.
void part_ends(const ov::Model& model) {
  for (const auto& result : model.get_results()) {
    const Value value = result->input_value(0);
    const auto* parameter = ov::as_type<ov::op::v0::Parameter>(value.get_node());
    if (parameter == nullptr) continue;
    const std::string input = parameter->get_friendly_name();
    auto names = value.get_names();
    names.erase(input);
    const auto copy = std::make_shared<ov::op::v0::Convert>(value, value.get_element_type());
    value.get_tensor().set_names({input});
    result->input(0).replace_source_output(copy);
    copy->output(0).set_names(names);
  }
}

Status repair_nodes(const ov::Model& model, const OnnxHeader& header) {
  const auto opset = header.opsets.find("");
  const bool quantizes = header.operations.contains("QuantizeLinear") ||
                         header.operations.contains("DynamicQuantizeLinear");
  const bool has_dft = header.operations.contains("DFT");
  if (has_dft && header.operations.contains("STFT")) {
    return unimplemented(
        "DFT and STFT in one graph, which its front end makes into the same operation; export the "
        "model without one of them");
  }
  for (const NodePtr& node : model.get_ordered_ops()) {
    if (const auto outer = std::dynamic_pointer_cast<ov::op::util::MultiSubGraphOp>(node)) {
      for (const auto& body : outer->get_functions()) {
        if (body) ACCEL_TRY(repair_nodes(*body, header));
      }
    }
    keep_infinite(node);
    if (header.operations.contains("Attention")) stand_behind_past(node);
    if (quantizes) quantize_as_said(node);
    keep_order(node);
    reach_infinity(node);
    repeat_by_rows(node);
    keep_at_threshold(node);
    end_in_picture(node);
    ACCEL_TRY(check_corners(node));
    if (!has_dft) continue;
    if (opset != header.opsets.end() && opset->second >= 20) take_last_axis(node);
    ACCEL_TRY(mend_dft(node));
  }
  return {};
}

}  // namespace

Status repair(ov::Model& model, const OnnxHeader& header) {
  ACCEL_TRY(repair_nodes(model, header));
  part_ends(model);
  model.validate_nodes_and_infer_types();
  return {};
}

}  // namespace accel::models::foreign
