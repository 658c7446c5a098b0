#include "models/blocks/convolution_1d.h"

#include <openvino/op/convolution.hpp>
#include <openvino/op/divide.hpp>
#include <openvino/op/group_conv.hpp>
#include <openvino/op/reduce_sum.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/sqrt.hpp>
#include <openvino/op/transpose.hpp>

#include "models/blocks/blocks.h"

namespace accel::models {

Output convolution_1d(const Output& x, const Output& kernel, const std::optional<Output>& bias,
                      const Convolution1d& shape) {
  const ov::Strides strides{static_cast<size_t>(shape.stride)};
  const ov::CoordinateDiff front{shape.padding};
  const ov::CoordinateDiff behind{shape.padding_behind};
  const ov::Strides dilations{1};
  Output y;
  if (shape.groups == 1) {
    y = std::make_shared<ov::op::v1::Convolution>(x, kernel, strides, front, behind, dilations);
  } else {
    const std::vector<int64_t> grouped{shape.groups, shape.out / shape.groups,
                                       shape.in / shape.groups, shape.kernel};
    const auto groups = std::make_shared<ov::op::v1::Reshape>(kernel, integers(grouped), false);
    y = std::make_shared<ov::op::v1::GroupConvolution>(x, groups, strides, front, behind,
                                                       dilations);
  }
  if (!bias) return y;
  const auto column =
      std::make_shared<ov::op::v1::Reshape>(*bias, integers({1, shape.out, 1}), false);
  return add(y, column);
}

Output convolution_1d(Weights& weights, const std::string& name, const Output& x,
                      const Convolution1d& shape) {
  const Output kernel =
      weights.get(name + ".weight", {shape.out, shape.in / shape.groups, shape.kernel});
  std::optional<Output> bias;
  if (shape.bias) bias = weights.get(name + ".bias", {shape.out});
  return convolution_1d(x, kernel, bias, shape);
}

Output weight_normed_kernel(Weights& weights, const std::string& name, const Convolution1d& shape) {
  const bool old = weights.has(name + ".weight_v");
  const std::string lengths = old ? ".weight_g" : ".parametrizations.weight.original0";
  const std::string directions = old ? ".weight_v" : ".parametrizations.weight.original1";
  const Output g = weights.get(name + lengths, {1, 1, shape.kernel});
  const Output v =
      weights.get(name + directions, {shape.out, shape.in / shape.groups, shape.kernel});
  const Output squares =
      std::make_shared<ov::op::v1::ReduceSum>(multiply(v, v), integers({0, 1}), true);
  const Output scale =
      std::make_shared<ov::op::v1::Divide>(g, std::make_shared<ov::op::v0::Sqrt>(squares));
  return multiply(v, scale);
}

Output swap_time_and_channels(const Output& x) {
  return std::make_shared<ov::op::v1::Transpose>(x, integers({0, 2, 1}));
}

}  // namespace accel::models
