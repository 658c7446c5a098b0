#include "models/blocks/convolution.h"

#include <openvino/op/concat.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convolution.hpp>
#include <openvino/op/divide.hpp>
#include <openvino/op/group_conv.hpp>
#include <openvino/op/interpolate.hpp>
#include <openvino/op/max_pool.hpp>
#include <openvino/op/reduce_mean.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/shape_of.hpp>
#include <openvino/op/slice.hpp>
#include <openvino/op/sqrt.hpp>
#include <openvino/op/subtract.hpp>
#include <openvino/op/transpose.hpp>

#include "models/blocks/blocks.h"

namespace accel::models {
namespace {

template <class Engine>
Engine engine(const Extent& extent) {
  return Engine(extent.begin(), extent.end());
}

Extent padding_after(const Steps& steps) {
  return {steps.padding[0] + steps.beyond[0], steps.padding[1] + steps.beyond[1]};
}

template <class Convolution>
Output convolved(const Output& x, const Output& weight, const Steps& steps) {
  return std::make_shared<Convolution>(
      x, weight, engine<ov::Strides>(steps.stride), engine<ov::CoordinateDiff>(steps.padding),
      engine<ov::CoordinateDiff>(padding_after(steps)), engine<ov::Strides>(steps.dilation));
}

// A value per channel, [C], such that it broadcasts to [B, C, H, W].
Output per_channel(const Output& values) {
  return std::make_shared<ov::op::v1::Reshape>(values, integers({-1, 1, 1}), false);
}

}  // namespace

Output convolution(Weights& weights, const std::string& name, const Output& x, const Kernel& kernel,
                   const Steps& steps) {
  const Output weight =
      weights.get(name + ".weight", {kernel.out, kernel.in, kernel.size[0], kernel.size[1]});
  const Output y = convolved<ov::op::v1::Convolution>(x, weight, steps);
  return kernel.bias ? add(y, per_channel(weights.get(name + ".bias", {kernel.out}))) : y;
}

Output depthwise_convolution(Weights& weights, const std::string& name, const Output& x,
                             int64_t channels, Extent size, const Steps& steps) {
  const Output weight = weights.get(name + ".weight", {channels, 1, size[0], size[1]});
  // The engine's weights have an axis of groups, each with one channel in and one out.
  const auto grouped = std::make_shared<ov::op::v1::Reshape>(
      weight, integers({channels, 1, 1, size[0], size[1]}), false);
  const Output y = convolved<ov::op::v1::GroupConvolution>(x, grouped, steps);
  return add(y, per_channel(weights.get(name + ".bias", {channels})));
}

Output batch_norm(Weights& weights, const std::string& name, const Output& x, int64_t channels,
                  double epsilon) {
  weights.skip(name + ".num_batches_tracked");
  const Output variance = weights.get(name + ".running_var", {channels});
  const auto deviation =
      std::make_shared<ov::op::v0::Sqrt>(add(variance, scalar(static_cast<float>(epsilon))));
  const Output scale =
      std::make_shared<ov::op::v1::Divide>(weights.get(name + ".weight", {channels}), deviation);
  const Output shift = std::make_shared<ov::op::v1::Subtract>(
      weights.get(name + ".bias", {channels}),
      multiply(weights.get(name + ".running_mean", {channels}), scale));
  return add(multiply(x, per_channel(scale)), per_channel(shift));
}

Output max_pool(const Output& x, Extent size, const Steps& steps) {
  return std::make_shared<ov::op::v1::MaxPool>(
      x, engine<ov::Strides>(steps.stride), engine<ov::Shape>(steps.padding),
      engine<ov::Shape>(padding_after(steps)), engine<ov::Shape>(size),
      ov::op::RoundingType::FLOOR);
}

Output mean_pool(const Output& x, bool keep) {
  return std::make_shared<ov::op::v1::ReduceMean>(x, integers({2, 3}), keep);
}

Output image_layer_norm(Weights& weights, const std::string& name, const Output& x,
                        int64_t channels, double epsilon) {
  const auto last = std::make_shared<ov::op::v1::Transpose>(x, integers({0, 2, 3, 1}));
  const Output normal = layer_norm(weights, name, last, channels, epsilon);
  return std::make_shared<ov::op::v1::Transpose>(normal, integers({0, 3, 1, 2}));
}

Output resize(const Output& x, const Output& extent) {
  using Resize = ov::op::v11::Interpolate;
  const Resize::InterpolateAttrs attributes(
      Resize::InterpolateMode::LINEAR_ONNX, Resize::ShapeCalcMode::SIZES, {0, 0, 0, 0},
      {0, 0, 0, 0}, Resize::CoordinateTransformMode::HALF_PIXEL);
  return std::make_shared<Resize>(x, extent, integers({2, 3}), attributes);
}

Output extent_of(const Output& image) {
  const auto shape = std::make_shared<ov::op::v3::ShapeOf>(image, ov::element::i64);
  return std::make_shared<ov::op::v8::Slice>(shape, integers({2}), integers({4}), integers({1}));
}

Output to_tokens(const Output& image) {
  const auto flat = std::make_shared<ov::op::v1::Reshape>(image, integers({0, 0, -1}), true);
  return std::make_shared<ov::op::v1::Transpose>(flat, integers({0, 2, 1}));
}

Output to_image(const Output& tokens, const Output& extent) {
  const int64_t channels = tokens.get_partial_shape()[2].get_length();
  const auto shape = std::make_shared<ov::op::v0::Concat>(
      ov::OutputVector{integers({0}), extent, integers({channels})}, 0);
  const auto rows = std::make_shared<ov::op::v1::Reshape>(tokens, shape, true);
  return std::make_shared<ov::op::v1::Transpose>(rows, integers({0, 3, 1, 2}));
}

}  // namespace accel::models
