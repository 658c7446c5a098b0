#include "models/blocks/pooling.h"

#include <limits>
#include <openvino/op/concat.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/cum_sum.hpp>
#include <openvino/op/divide.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/log.hpp>
#include <openvino/op/maximum.hpp>
#include <openvino/op/normalize_l2.hpp>
#include <openvino/op/reduce_max.hpp>
#include <openvino/op/reduce_sum.hpp>
#include <openvino/op/relu.hpp>
#include <openvino/op/sqrt.hpp>
#include <openvino/op/subtract.hpp>
#include <openvino/op/unsqueeze.hpp>

#include "models/blocks/blocks.h"

namespace accel::models {
namespace {

constexpr float kLeastCount = 1e-9F;  // sentence-transformers' guard against empty rows

Output sum_tokens(const Output& x) {
  return std::make_shared<ov::op::v1::ReduceSum>(x, integers({1}), false);
}

Output at_least(const Output& x, float least) {
  return std::make_shared<ov::op::v1::Maximum>(x, scalar(least));
}

Output divide(const Output& a, const Output& b) {
  return std::make_shared<ov::op::v1::Divide>(a, b);
}

// sum(x * weight) / divisor(sum(weight)) for weight [B, L, 1].
Output weighted(const Output& hidden, const Output& weight, bool square_root) {
  Output count = at_least(sum_tokens(weight), kLeastCount);
  if (square_root) count = std::make_shared<ov::op::v0::Sqrt>(count);
  return divide(sum_tokens(multiply(hidden, weight)), count);
}

// Position of each real token counted from 1, 0 for padding: [B, L, 1].
Output ranks(const Output& mask) {
  const auto axis = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {1});
  return multiply(std::make_shared<ov::op::v0::CumSum>(mask, axis), mask);
}

// The real token of the highest rank, picked by a 0/1 weight so that left padding works as well.
Output last_token(const Output& hidden, const Output& mask) {
  const Output rank = ranks(mask);
  const Output highest = std::make_shared<ov::op::v1::ReduceMax>(rank, integers({1}), true);
  const Output behind = std::make_shared<ov::op::v1::Subtract>(highest, rank);
  const Output one_at_last =
      at_least(std::make_shared<ov::op::v1::Subtract>(scalar(1.0F), behind), 0.0F);
  return sum_tokens(multiply(hidden, multiply(one_at_last, mask)));
}

Output max_tokens(const Output& hidden, const Output& mask) {
  const Output padding = std::make_shared<ov::op::v1::Subtract>(scalar(1.0F), mask);
  const Output lowest = multiply(padding, scalar(std::numeric_limits<float>::lowest() / 2));
  return std::make_shared<ov::op::v1::ReduceMax>(add(multiply(hidden, mask), lowest), integers({1}),
                                                 false);
}

}  // namespace

Output pool(std::span<const Pooling> ways, const Output& hidden, const Output& attention_mask) {
  const Output real = std::make_shared<ov::op::v0::Convert>(attention_mask, ov::element::f32);
  const Output mask = std::make_shared<ov::op::v0::Unsqueeze>(real, integers({2}));
  ov::OutputVector parts;
  for (const Pooling way : ways) {
    switch (way) {
      case Pooling::kCls: parts.push_back(first_token(hidden)); break;
      case Pooling::kMax: parts.push_back(max_tokens(hidden, mask)); break;
      case Pooling::kMean: parts.push_back(weighted(hidden, mask, false)); break;
      case Pooling::kMeanSqrtLength: parts.push_back(weighted(hidden, mask, true)); break;
      case Pooling::kWeightedMean: parts.push_back(weighted(hidden, ranks(mask), false)); break;
      case Pooling::kLastToken: parts.push_back(last_token(hidden, mask)); break;
    }
  }
  if (parts.size() == 1) return parts.front();
  return std::make_shared<ov::op::v0::Concat>(parts, -1);
}

Output pool_sparse(const SparsePooling& pooling, const Output& logits,
                   const Output& attention_mask) {
  const auto log1p = [](const Output& x) -> Output {
    return std::make_shared<ov::op::v0::Log>(add(x, scalar(1.0F)));
  };
  const Output real = std::make_shared<ov::op::v0::Convert>(attention_mask, ov::element::f32);
  const Output mask = std::make_shared<ov::op::v0::Unsqueeze>(real, integers({2}));
  const Output positive = std::make_shared<ov::op::v0::Relu>(multiply(logits, mask));
  const auto weigh = [&](const Output& x) {
    const Output once = log1p(x);
    return pooling.twice ? log1p(once) : once;
  };
  if (pooling.sum) return sum_tokens(weigh(positive));
  // The logarithm grows with its argument: of the largest it is computed once per word.
  return weigh(std::make_shared<ov::op::v1::ReduceMax>(positive, integers({1}), false));
}

Output unit_length(const Output& x) {
  // The operation compares squares: (1e-12)^2.
  return std::make_shared<ov::op::v0::NormalizeL2>(x, integers({-1}), 1e-24F, ov::op::EpsMode::MAX);
}

}  // namespace accel::models
