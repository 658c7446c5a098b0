#include <openvino/op/constant.hpp>
#include <openvino/op/split.hpp>

#include "base/try.h"
#include "models/blocks/blocks.h"

namespace accel::models {

std::pair<Output, Output> halves(const Output& x) {
  const auto last = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {-1});
  const auto both = std::make_shared<ov::op::v1::Split>(x, last, 2);
  return {both->output(0), both->output(1)};
}

Result<Output> gated(std::string_view name, const Output& gate, const Output& x) {
  ACCEL_ASSIGN(const Output open, activation(name, gate));
  return multiply(open, x);
}

Result<Output> gated_feed_forward(Weights& weights, const std::string& prefix,
                                  const GatedSizes& sizes, std::string_view name, const Output& x,
                                  const GatedNames& names) {
  const auto [hidden, intermediate, bias] = sizes;
  const auto path = [&](std::string_view matrix) { return prefix + std::string(matrix); };
  const Output gate = linear(weights, path(names.gate), x, hidden, intermediate, bias);
  const Output up = linear(weights, path(names.up), x, hidden, intermediate, bias);
  ACCEL_ASSIGN(const Output wide, gated(name, gate, up));
  return linear(weights, path(names.down), wide, intermediate, hidden, bias);
}

}  // namespace accel::models
