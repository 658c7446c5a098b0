#include "models/blocks/relative_position.h"

#include <cmath>
#include <openvino/op/constant.hpp>
#include <openvino/op/einsum.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/range.hpp>
#include <openvino/op/shape_of.hpp>
#include <openvino/op/subtract.hpp>
#include <openvino/op/unsqueeze.hpp>

#include "models/blocks/blocks.h"

namespace accel::models {
namespace {

Output integer_scalar(int64_t value) {
  return ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {value});
}

}  // namespace

Output relative_key_bias(const Output& query, const Output& key, const Output& table,
                         int64_t max_positions, bool key_too) {
  const auto shape = std::make_shared<ov::op::v3::ShapeOf>(query, ov::element::i64);
  const auto length =
      std::make_shared<ov::op::v8::Gather>(shape, integer_scalar(2), integer_scalar(0));
  const auto range = std::make_shared<ov::op::v4::Range>(integer_scalar(0), length,
                                                         integer_scalar(1), ov::element::i64);
  const auto left = std::make_shared<ov::op::v0::Unsqueeze>(range, integers({1}));
  const auto distance = std::make_shared<ov::op::v1::Subtract>(left, range);
  const Output row = add(distance, integer_scalar(max_positions - 1));
  // [L, L, D]: for each pair of positions its embedding.
  const auto pairs = std::make_shared<ov::op::v8::Gather>(table, row, integer_scalar(0));
  Output bias =
      std::make_shared<ov::op::v7::Einsum>(ov::OutputVector{query, pairs}, "bhld,lrd->bhlr");
  if (key_too) {
    bias = add(
        bias, std::make_shared<ov::op::v7::Einsum>(ov::OutputVector{key, pairs}, "bhrd,lrd->bhlr"));
  }
  const auto size = static_cast<float>(query.get_partial_shape()[3].get_length());
  return multiply(bias, scalar(1.0F / std::sqrt(size)));
}

}  // namespace accel::models
