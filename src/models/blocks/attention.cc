#include <cmath>
#include <limits>
#include <openvino/op/broadcast.hpp>
#include <openvino/op/concat.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/cum_sum.hpp>
#include <openvino/op/equal.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/greater_eq.hpp>
#include <openvino/op/less_eq.hpp>
#include <openvino/op/logical_and.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/not_equal.hpp>
#include <openvino/op/range.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/scaled_dot_product_attention.hpp>
#include <openvino/op/select.hpp>
#include <openvino/op/shape_of.hpp>
#include <openvino/op/split.hpp>
#include <openvino/op/subtract.hpp>
#include <openvino/op/transpose.hpp>
#include <openvino/op/unsqueeze.hpp>

#include "models/blocks/blocks.h"

namespace accel::models {
Output positions_of(const Output& ids) {
  const auto shape = std::make_shared<ov::op::v3::ShapeOf>(ids, ov::element::i64);
  const auto length = std::make_shared<ov::op::v8::Gather>(shape, integer(1), integer(0));
  return std::make_shared<ov::op::v4::Range>(integer(0), length, integer(1), ov::element::i64);
}

Output positions_behind_padding(const Output& ids, int64_t padding) {
  const Output pad =
      std::make_shared<ov::op::v0::Convert>(integer(padding), ids.get_element_type());
  const auto differs = std::make_shared<ov::op::v1::NotEqual>(ids, pad);
  const auto real = std::make_shared<ov::op::v0::Convert>(differs, ov::element::i64);
  const auto counted = std::make_shared<ov::op::v0::CumSum>(real, integer(1));
  return add(multiply(counted, real), integer(padding));
}

std::optional<Output> additive_mask(const std::optional<Output>& attention_mask) {
  if (!attention_mask) return std::nullopt;
  const auto real = std::make_shared<ov::op::v0::Convert>(*attention_mask, ov::element::f32);
  const auto padding = std::make_shared<ov::op::v1::Subtract>(scalar(1.0F), real);
  const Output additive = multiply(padding, scalar(std::numeric_limits<float>::lowest()));
  return Output(std::make_shared<ov::op::v0::Unsqueeze>(additive, integers({1, 2})));
}

Output window_mask(const Output& ids, std::optional<int64_t> before, std::optional<int64_t> after) {
  const Output positions = positions_of(ids);
  const Output rows = std::make_shared<ov::op::v0::Unsqueeze>(positions, integers({1}));
  const auto distance = std::make_shared<ov::op::v1::Subtract>(positions, rows);  // of keys
  std::optional<Output> visible;
  if (after) {
    visible = std::make_shared<ov::op::v1::LessEqual>(distance, integer(*after));
  }
  if (before) {
    const auto near = std::make_shared<ov::op::v1::GreaterEqual>(distance, integer(-*before));
    visible = visible ? Output(std::make_shared<ov::op::v1::LogicalAnd>(*visible, near)) : near;
  }
  if (!visible) {
    visible = std::make_shared<ov::op::v1::Equal>(distance, distance);
  }
  const auto mask = std::make_shared<ov::op::v1::Select>(
      *visible, scalar(0), scalar(std::numeric_limits<float>::lowest()));
  return std::make_shared<ov::op::v0::Unsqueeze>(mask, integers({0, 1}));
}

Output causal_mask(const Output& ids) { return window_mask(ids, std::nullopt, 0); }

Output split_heads(const Output& x, int64_t heads, int64_t head_size) {
  const auto split =
      std::make_shared<ov::op::v1::Reshape>(x, integers({0, 0, heads, head_size}), true);
  return std::make_shared<ov::op::v1::Transpose>(split, integers({0, 2, 1, 3}));
}

std::array<Output, 3> split_packed_heads(const Output& x, int64_t heads, int64_t head_size) {
  const auto parts = std::make_shared<ov::op::v1::Split>(x, integer(-1), 3);
  return {split_heads(parts->output(0), heads, head_size),
          split_heads(parts->output(1), heads, head_size),
          split_heads(parts->output(2), heads, head_size)};
}

Output merge_heads(const Output& x, int64_t hidden) {
  const auto by_token = std::make_shared<ov::op::v1::Transpose>(x, integers({0, 2, 1, 3}));
  return std::make_shared<ov::op::v1::Reshape>(by_token, integers({0, 0, hidden}), true);
}

Output repeat_heads(const Output& x, int64_t times) {
  if (times == 1) return x;
  const ov::PartialShape& shape = x.get_partial_shape();
  const auto apart = std::make_shared<ov::op::v0::Unsqueeze>(x, integers({2}));
  const auto repeated = std::make_shared<ov::op::v3::Broadcast>(
      apart, integers({1, 1, times, 1, 1}), ov::op::BroadcastType::BIDIRECTIONAL);
  const std::vector<int64_t> together{0, shape[1].get_length() * times, -1, shape[3].get_length()};
  return std::make_shared<ov::op::v1::Reshape>(repeated, integers(together), true);
}

Output attention(const Output& query, const Output& key, const Output& value,
                 const std::optional<Output>& mask, const AttentionOptions& options) {
  using Sdpa = ov::op::v13::ScaledDotProductAttention;
  Output scaled = query;
  if (options.scale) {  // on top of the node's own
    const auto size = static_cast<double>(query.get_partial_shape()[3].get_length());
    scaled = multiply(query, scalar(static_cast<float>(*options.scale * std::sqrt(size))));
  }
  if (mask) return std::make_shared<Sdpa>(scaled, key, value, *mask, false);
  return std::make_shared<Sdpa>(scaled, key, value, options.causal);
}

}  // namespace accel::models
