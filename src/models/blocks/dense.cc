#include <limits>
#include <openvino/op/add.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/divide.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/minimum.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/mvn.hpp>
#include <openvino/op/power.hpp>
#include <openvino/op/reduce_mean.hpp>
#include <openvino/op/slice.hpp>
#include <openvino/op/sqrt.hpp>

#include "models/blocks/blocks.h"

namespace accel::models {

Output scalar(float value) {
  return ov::op::v0::Constant::create(ov::element::f32, ov::Shape{}, {value});
}

Output integer(int64_t value) {
  return ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {value});
}

Output integers(const std::vector<int64_t>& values) {
  return ov::op::v0::Constant::create(ov::element::i64, ov::Shape{values.size()}, values);
}

Output add(const Output& a, const Output& b) { return std::make_shared<ov::op::v1::Add>(a, b); }

Output multiply(const Output& a, const Output& b) {
  return std::make_shared<ov::op::v1::Multiply>(a, b);
}

Output minimum(const Output& a, const Output& b) {
  return std::make_shared<ov::op::v1::Minimum>(a, b);
}

Output first_token(const Output& x) { return token(x, 0); }

Output token(const Output& x, int64_t index) {
  const auto row = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {index});
  const auto axis = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {1});
  return std::make_shared<ov::op::v8::Gather>(x, row, axis);
}

Output tokens_from(const Output& x, int64_t index) {
  constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
  return std::make_shared<ov::op::v8::Slice>(x, integers({index}), integers({kEnd}), integers({1}),
                                             integers({1}));
}

Output mean_token(const Output& x) {
  return std::make_shared<ov::op::v1::ReduceMean>(x, integers({1}), false);
}

Output linear(Weights& weights, const std::string& name, const Output& x, int64_t in, int64_t out,
              bool bias) {
  const Output matrix = weights.get(name + ".weight", {out, in});
  const Output product = std::make_shared<ov::op::v0::MatMul>(x, matrix, false, true);
  return bias ? add(product, weights.get(name + ".bias", {out})) : product;
}

Output layer_norm(Weights& weights, const std::string& name, const Output& x, int64_t size,
                  double epsilon, bool bias) {
  const auto last = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{1}, {-1});
  const Output normal = std::make_shared<ov::op::v6::MVN>(
      x, last, true, static_cast<float>(epsilon), ov::op::MVNEpsMode::INSIDE_SQRT);
  const Output scaled = multiply(normal, weights.get(name + ".weight", {size}));
  return bias ? add(scaled, weights.get(name + ".bias", {size})) : scaled;
}

Output rms_norm(Weights& weights, const std::string& name, const Output& x, int64_t size,
                double epsilon, float offset) {
  const auto last = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{1}, {-1});
  const auto squares = std::make_shared<ov::op::v1::Power>(x, scalar(2));
  const auto mean = std::make_shared<ov::op::v1::ReduceMean>(squares, last, true);
  const auto root =
      std::make_shared<ov::op::v0::Sqrt>(add(mean, scalar(static_cast<float>(epsilon))));
  const Output normal = multiply(x, std::make_shared<ov::op::v1::Divide>(scalar(1), root));
  const Output weight = weights.get(name + ".weight", {size});
  return multiply(normal, offset == 0 ? weight : add(weight, scalar(offset)));
}

Output embedding(Weights& weights, const std::string& name, const Output& ids, int64_t rows,
                 int64_t size) {
  const auto axis = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {0});
  return std::make_shared<ov::op::v8::Gather>(weights.get(name, {rows, size}), ids, axis);
}

}  // namespace accel::models
