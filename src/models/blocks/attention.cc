#include <limits>
#include <openvino/op/concat.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/cum_sum.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/not_equal.hpp>
#include <openvino/op/range.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/scaled_dot_product_attention.hpp>
#include <openvino/op/shape_of.hpp>
#include <openvino/op/subtract.hpp>
#include <openvino/op/transpose.hpp>
#include <openvino/op/unsqueeze.hpp>

#include "models/blocks/blocks.h"

namespace accel::models {
namespace {

Output integer_scalar(int64_t value) {
  return ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {value});
}

}  // namespace

Output positions_of(const Output& ids) {
  const auto shape = std::make_shared<ov::op::v3::ShapeOf>(ids, ov::element::i64);
  const auto length =
      std::make_shared<ov::op::v8::Gather>(shape, integer_scalar(1), integer_scalar(0));
  return std::make_shared<ov::op::v4::Range>(integer_scalar(0), length, integer_scalar(1),
                                             ov::element::i64);
}

Output positions_behind_padding(const Output& ids, int64_t padding) {
  const Output pad =
      std::make_shared<ov::op::v0::Convert>(integer_scalar(padding), ids.get_element_type());
  const auto differs = std::make_shared<ov::op::v1::NotEqual>(ids, pad);
  const auto real = std::make_shared<ov::op::v0::Convert>(differs, ov::element::i64);
  const auto counted = std::make_shared<ov::op::v0::CumSum>(real, integer_scalar(1));
  return add(multiply(counted, real), integer_scalar(padding));
}

std::optional<Output> additive_mask(const std::optional<Output>& attention_mask) {
  if (!attention_mask) return std::nullopt;
  const auto real = std::make_shared<ov::op::v0::Convert>(*attention_mask, ov::element::f32);
  const auto padding = std::make_shared<ov::op::v1::Subtract>(scalar(1.0F), real);
  const Output additive = multiply(padding, scalar(std::numeric_limits<float>::lowest()));
  return Output(std::make_shared<ov::op::v0::Unsqueeze>(additive, integers({1, 2})));
}

Output split_heads(const Output& x, int64_t heads, int64_t head_size) {
  const auto split =
      std::make_shared<ov::op::v1::Reshape>(x, integers({0, 0, heads, head_size}), true);
  return std::make_shared<ov::op::v1::Transpose>(split, integers({0, 2, 1, 3}));
}

Output merge_heads(const Output& x, int64_t hidden) {
  const auto by_token = std::make_shared<ov::op::v1::Transpose>(x, integers({0, 2, 1, 3}));
  return std::make_shared<ov::op::v1::Reshape>(by_token, integers({0, 0, hidden}), true);
}

Output attention(const Output& query, const Output& key, const Output& value,
                 const std::optional<Output>& mask, std::optional<float> scale) {
  using Sdpa = ov::op::v13::ScaledDotProductAttention;
  if (scale) {  // the operation takes a scale only behind a mask
    return std::make_shared<Sdpa>(query, key, value, mask.value_or(scalar(0.0F)), scalar(*scale),
                                  false);
  }
  if (mask) return std::make_shared<Sdpa>(query, key, value, *mask, false);
  return std::make_shared<Sdpa>(query, key, value, false);
}

}  // namespace accel::models
