#include "models/blocks/relative_position.h"

#include <algorithm>
#include <cmath>
#include <openvino/op/clamp.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/einsum.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/range.hpp>
#include <openvino/op/shape_of.hpp>
#include <openvino/op/subtract.hpp>
#include <openvino/op/transpose.hpp>
#include <openvino/op/unsqueeze.hpp>

#include "models/blocks/blocks.h"

namespace accel::models {
namespace {

// For the L of x's axis, the distances between its positions, row - column: i64 [L, L].
Output distances(const Output& x, int64_t axis) {
  const auto shape = std::make_shared<ov::op::v3::ShapeOf>(x, ov::element::i64);
  const auto length = std::make_shared<ov::op::v8::Gather>(shape, integer(axis), integer(0));
  const auto range =
      std::make_shared<ov::op::v4::Range>(integer(0), length, integer(1), ov::element::i64);
  const auto left = std::make_shared<ov::op::v0::Unsqueeze>(range, integers({1}));
  return std::make_shared<ov::op::v1::Subtract>(left, range);
}

}  // namespace

Output relative_key_bias(const Output& query, const Output& key, const Output& table,
                         int64_t max_positions, bool key_too, bool scaled) {
  const Output row = add(distances(query, 2), integer(max_positions - 1));
  // [L, L, D]: for each pair of positions its embedding.
  const auto pairs = std::make_shared<ov::op::v8::Gather>(table, row, integer(0));
  Output bias =
      std::make_shared<ov::op::v7::Einsum>(ov::OutputVector{query, pairs}, "bhld,lrd->bhlr");
  if (key_too) {
    bias = add(
        bias, std::make_shared<ov::op::v7::Einsum>(ov::OutputVector{key, pairs}, "bhrd,lrd->bhlr"));
  }
  if (!scaled) return bias;
  const auto size = static_cast<float>(query.get_partial_shape()[3].get_length());
  return multiply(bias, scalar(1.0F / std::sqrt(size)));
}

int64_t distance_bucket(int64_t distance, int64_t buckets, int64_t max_distance) {
  const int64_t half = buckets / 2;
  const int64_t side = distance > 0 ? half : 0;
  const int64_t far = std::abs(distance);
  const int64_t exact = half / 2;
  if (far < exact) return side + far;
  // In the reference's precision: a bucket's first distance is where the product turns whole.
  const float share =
      std::log(static_cast<float>(far) / static_cast<float>(exact)) /
      static_cast<float>(std::log(static_cast<double>(max_distance) / static_cast<double>(exact)));
  const auto wide = static_cast<int64_t>(share * static_cast<float>(half - exact));
  return side + std::min(exact + wide, half - 1);
}

Output distance_bias(const Output& table, const std::vector<int64_t>& buckets, const Output& x) {
  const auto most = static_cast<int64_t>(buckets.size()) / 2;
  const Output distance = multiply(distances(x, 1), integer(-1));  // key - query
  const auto near = std::make_shared<ov::op::v0::Clamp>(distance, static_cast<double>(-most),
                                                        static_cast<double>(most));
  const auto bucket =
      std::make_shared<ov::op::v8::Gather>(integers(buckets), add(near, integer(most)), integer(0));
  // [L, L, A] to [A, L, L].
  const auto rows = std::make_shared<ov::op::v8::Gather>(table, bucket, integer(0));
  const auto by_head = std::make_shared<ov::op::v1::Transpose>(rows, integers({2, 0, 1}));
  return std::make_shared<ov::op::v0::Unsqueeze>(by_head, integers({0}));
}

}  // namespace accel::models
