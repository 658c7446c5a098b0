// Sums and products of graph nodes, to write formulas with. Numpy's broadcasting.
#pragma once

#include <memory>
#include <openvino/op/add.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/subtract.hpp>

namespace accel::backend {

inline ov::Output<ov::Node> plus(const ov::Output<ov::Node>& a, const ov::Output<ov::Node>& b) {
  return std::make_shared<ov::op::v1::Add>(a, b);
}
inline ov::Output<ov::Node> minus(const ov::Output<ov::Node>& a, const ov::Output<ov::Node>& b) {
  return std::make_shared<ov::op::v1::Subtract>(a, b);
}
inline ov::Output<ov::Node> times(const ov::Output<ov::Node>& a, const ov::Output<ov::Node>& b) {
  return std::make_shared<ov::op::v1::Multiply>(a, b);
}

}  // namespace accel::backend
