#include "precision/weight_plan.h"

#include <algorithm>
#include <array>
#include <functional>
#include <openvino/op/convert.hpp>
#include <openvino/op/convolution.hpp>
#include <openvino/op/group_conv.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/util/gather_base.hpp>
#include <set>

namespace accel::precision {
namespace {

using Value = ov::Output<ov::Node>;

constexpr size_t kPlacedBytesMin = 4096;  // smaller ones are left to the graph's writer
constexpr size_t kWeightBytesMin = 1024;  // of f32: smaller ones are not worth rounding
constexpr int64_t kColumnsMin = 4;        // shorter rows than this spend more on their scale
constexpr int kDeepest = 4;               // operations between a weight and its use

enum class WeightUse { kProduct, kProductByColumn, kRowsOfTable, kConvolution, kGroups, kOther };

bool is_float(const ov::element::Type& type) {
  return type == ov::element::f32 || type == ov::element::f16 || type == ov::element::bf16;
}

// Shapes and row numbers: the graph's own checks read them.
bool is_index(const ov::element::Type& type) {
  constexpr auto kIndexTypes =
      std::to_array<ov::element::Type_t>({ov::element::boolean, ov::element::i32, ov::element::i64,
                                          ov::element::u32, ov::element::u64, ov::element::string});
  return std::ranges::find(kIndexTypes, ov::element::Type_t(type)) != kIndexTypes.end();
}

WeightUse use_of(const ov::Input<ov::Node>& input) {
  ov::Node* node = input.get_node();
  const size_t index = input.get_index();
  if (const auto* product = ov::as_type<ov::op::v0::MatMul>(node)) {
    if (index != 1) return WeightUse::kOther;
    return product->get_transpose_b() ? WeightUse::kProduct : WeightUse::kProductByColumn;
  }
  if (ov::is_type<ov::op::util::GatherBase>(node)) {
    const auto axis = ov::as_type_ptr<ov::op::v0::Constant>(node->get_input_node_shared_ptr(2));
    const bool rows = axis != nullptr && axis->cast_vector<int64_t>() == std::vector<int64_t>{0};
    return index == 0 && rows ? WeightUse::kRowsOfTable : WeightUse::kOther;
  }
  if (index != 1) return WeightUse::kOther;
  if (ov::is_type<ov::op::v1::Convolution>(node)) return WeightUse::kConvolution;
  return ov::is_type<ov::op::v1::GroupConvolution>(node) ? WeightUse::kGroups : WeightUse::kOther;
}

std::set<WeightUse> uses_of(const Value& value) {
  std::set<WeightUse> uses;
  for (const auto& input : value.get_target_inputs()) uses.insert(use_of(input));
  return uses;
}

// Whether a layer's weights are made of `value`.
bool becomes_weight(const Value& value, int depth = 0) {
  constexpr auto kLayers = std::to_array<std::string_view>(
      {"MatMul", "Convolution", "GroupConvolution", "ConvolutionBackpropData",
       "GroupConvolutionBackpropData", "Gather", "Einsum", "LSTMSequence", "GRUSequence",
       "RNNSequence", "LSTMCell", "GRUCell", "RNNCell"});
  constexpr auto kBetween = std::to_array<std::string_view>(
      {"Convert", "Reshape", "Transpose", "Unsqueeze", "Squeeze", "Concat"});
  for (const auto& input : value.get_target_inputs()) {
    const std::string_view name = input.get_node()->get_type_name();
    if (std::ranges::find(kLayers, name) != kLayers.end()) {
      if (name != "Gather" || input.get_index() == 0) return true;
    } else if (depth < kDeepest && std::ranges::find(kBetween, name) != kBetween.end() &&
               becomes_weight(input.get_node()->output(0), depth + 1)) {
      return true;
    }
  }
  return false;
}

// The conversion to f32 that is all a constant is used for, or the constant.
Value computed_value(const std::shared_ptr<ov::op::v0::Constant>& constant) {
  Value value = constant->output(0);
  const auto inputs = value.get_target_inputs();
  if (inputs.size() != 1) return value;
  ov::Node* node = inputs.begin()->get_node();
  const bool widens =
      ov::is_type<ov::op::v0::Convert>(node) && node->get_element_type() == ov::element::f32;
  return widens && is_float(constant->get_element_type()) ? node->output(0) : value;
}

// What stands next to an output, seen from it: nodes with weights in `values` end the search.
std::set<const ov::Node*> last_layers(const ov::Model& model,
                                      const std::set<const ov::Node*>& values) {
  std::set<const ov::Node*> last;
  std::set<const ov::Node*> seen;
  std::vector<const ov::Node*> open;
  for (const auto& result : model.get_results()) open.push_back(result.get());
  while (!open.empty()) {
    const ov::Node* node = open.back();
    open.pop_back();
    if (!seen.insert(node).second) continue;
    bool ends = false;
    for (size_t i = 0; i < node->get_input_size(); ++i) {
      const ov::Node* from = node->get_input_node_ptr(i);
      if (!values.contains(from)) continue;
      last.insert(from);
      ends = true;
    }
    for (size_t i = 0; !ends && i < node->get_input_size(); ++i) {
      open.push_back(node->get_input_node_ptr(i));
    }
  }
  return last;
}

int64_t product(const ov::Shape& shape, size_t from, size_t to) {
  int64_t count = 1;
  for (size_t i = from; i < to; ++i) count *= static_cast<int64_t>(shape[i]);
  return count;
}

// Makes `weight` integers if its uses and shape allow.
void plan_integers(PlannedWeight& weight, const CompressionOptions& options, bool last) {
  const ov::Shape& shape = weight.constant->get_shape();
  const std::set<WeightUse> uses = uses_of(weight.value);
  const auto has = [&](WeightUse use) { return uses.contains(use); };
  const bool only = uses.size() == 1;
  const bool matrix =
      shape.size() == 2 && (has(WeightUse::kProduct) || has(WeightUse::kProductByColumn) ||
                            has(WeightUse::kRowsOfTable));
  const bool convolution = only && shape.size() > 2 && has(WeightUse::kConvolution);
  const bool groups = only && shape.size() > 3 && has(WeightUse::kGroups);
  if (!matrix && !convolution && !groups) return;
  const size_t axes = groups ? 2 : 1;
  weight.rows = product(shape, 0, axes);
  weight.columns = product(shape, axes, shape.size());
  weight.transposed = matrix && only && has(WeightUse::kProductByColumn);
  if (weight.transposed) std::swap(weight.rows, weight.columns);
  if (weight.rows < 2 || weight.columns < kColumnsMin) return;
  weight.group = weight.columns;
  weight.format = WeightFormat::kInt8;
  const bool product = only && (has(WeightUse::kProduct) || weight.transposed);
  if (options.format != WeightFormat::kInt4 || !product || last) return;
  const int64_t group = fitting_group(weight.columns, options.group);
  if (group == 0) return;
  weight.format = WeightFormat::kInt4;
  weight.group = group;
}

}  // namespace

std::string_view to_string(WeightFormat format) {
  switch (format) {
    case WeightFormat::kAsStored: return "as stored";
    case WeightFormat::kF16: return "f16";
    case WeightFormat::kBF16: return "bf16";
    case WeightFormat::kInt8: return "int8";
    case WeightFormat::kInt4: return "int4";
  }
  return "";
}

int64_t fitting_group(int64_t columns, int64_t wanted) {
  constexpr int64_t kSizeMin = 8;
  constexpr int64_t kGroupsMin = 4;
  for (int64_t group = wanted; group >= kSizeMin; group /= 2) {
    if (group % 2 == 0 && columns % group == 0 && columns / group >= kGroupsMin) return group;
  }
  return 0;
}

std::vector<PlannedWeight> plan_weights(const ov::Model& model, const CompressionOptions& options) {
  std::vector<PlannedWeight> weights;
  std::set<const ov::Node*> values;
  for (const auto& node : model.get_ordered_ops()) {
    const auto constant = ov::as_type_ptr<ov::op::v0::Constant>(node);
    if (constant == nullptr || is_index(constant->get_element_type())) continue;
    PlannedWeight weight{.constant = constant, .value = computed_value(constant)};
    if (uses_of(weight.value) != std::set{WeightUse::kOther}) {
      values.insert(weight.value.get_node());
    }
    weights.push_back(std::move(weight));
  }
  const std::set<const ov::Node*> last = last_layers(model, values);
  for (PlannedWeight& weight : weights) {
    const ov::element::Type& type = weight.constant->get_element_type();
    if (!is_float(type) || weight.constant->get_byte_size() < kWeightBytesMin) continue;
    if (options.format == WeightFormat::kInt8 || options.format == WeightFormat::kInt4) {
      plan_integers(weight, options, last.contains(weight.value.get_node()));
    } else if (type == ov::element::f32 && becomes_weight(weight.value)) {
      weight.format = options.format;
    }
  }
  std::erase_if(weights, [](const PlannedWeight& weight) {
    return weight.format == WeightFormat::kAsStored &&
           weight.constant->get_byte_size() < kPlacedBytesMin;
  });
  std::ranges::sort(weights, std::less<>(),
                    [](const PlannedWeight& weight) { return weight.constant->get_data_ptr(); });
  return weights;
}

}  // namespace accel::precision
