#include <numeric>
#include <openvino/op/add.hpp>
#include <openvino/op/concat.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/convolution.hpp>
#include <openvino/op/cum_sum.hpp>
#include <openvino/op/divide.hpp>
#include <openvino/op/group_conv.hpp>
#include <openvino/op/less.hpp>
#include <openvino/op/less_eq.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/pad.hpp>
#include <openvino/op/range.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/slice.hpp>
#include <openvino/op/squeeze.hpp>
#include <openvino/op/subtract.hpp>
#include <openvino/op/transpose.hpp>
#include <openvino/op/unsqueeze.hpp>
#include <utility>

#include "backends/reference/arithmetic.h"
#include "backends/reference/rules.h"

namespace accel::backend {
namespace {

template <class Sizes>
std::vector<int64_t> numbers(const Sizes& sizes) {
  return {sizes.begin(), sizes.end()};
}

Output reshaped_as(const Output& x, const Output& shape) {
  return std::make_shared<ov::op::v1::Reshape>(x, shape, true);
}

// A convolution of `groups` on padded values [B, C, spatial...].
struct Unfolding {
  Output x;
  std::vector<int64_t> kernel;
  std::vector<int64_t> stride;
  std::vector<int64_t> dilation;
  std::vector<int64_t> axes;  // the spatial ones
  Output out;                 // their sizes afterwards
};

Output out_sizes(const Unfolding& of) {
  std::vector<int64_t> reach;
  for (size_t i = 0; i < of.kernel.size(); ++i) {
    reach.push_back(of.dilation[i] * (of.kernel[i] - 1) + 1);
  }
  const Output room = minus(sizes(of.x, of.axes), whole_numbers(reach));
  const auto steps = std::make_shared<ov::op::v1::Divide>(room, whole_numbers(of.stride));
  return plus(steps, whole_number(1));
}

// What the kernel's place number `tap` meets at every step, [B, C, 1, out...].
Output met(const Unfolding& of, int64_t tap) {
  std::vector<int64_t> first(of.kernel.size());
  for (size_t i = of.kernel.size(); i-- > 0;) {
    first[i] = tap % of.kernel[i] * of.dilation[i];
    tap /= of.kernel[i];
  }
  const Output last =
      plus(whole_numbers(first), times(minus(of.out, whole_number(1)), whole_numbers(of.stride)));
  const auto slice =
      std::make_shared<ov::op::v8::Slice>(of.x, whole_numbers(first), plus(last, whole_number(1)),
                                          whole_numbers(of.stride), whole_numbers(of.axes));
  return std::make_shared<ov::op::v0::Unsqueeze>(slice, whole_numbers({2}));
}

// Of weights [out, in, kernel...], or [groups, out, in, kernel...] when `grouped`.
template <class Convolution>
std::optional<Output> unfolded(const ov::Node& node, bool grouped) {
  const auto& convolution = dynamic_cast<const Convolution&>(node);
  const ov::PartialShape& weights = node.get_input_partial_shape(1);
  if (convolution.get_auto_pad() != ov::op::PadType::EXPLICIT || weights.is_dynamic()) return {};
  std::vector<int64_t> shape = numbers(weights.to_shape());
  if (!grouped) shape.insert(shape.begin(), 1);
  std::vector<int64_t> before = numbers(convolution.get_pads_begin());
  std::vector<int64_t> after = numbers(convolution.get_pads_end());
  for (const auto& pads : {before, after}) {
    for (const int64_t pad : pads) {
      if (pad < 0) return {};
    }
  }
  before.insert(before.begin(), 2, 0);  // none of batch and channels
  after.insert(after.begin(), 2, 0);
  const Output zero =
      ov::op::v0::Constant::create(node.get_input_element_type(0), ov::Shape{}, {0});
  Unfolding of{
      .x = std::make_shared<ov::op::v1::Pad>(node.input_value(0), whole_numbers(before),
                                             whole_numbers(after), zero, ov::op::PadMode::CONSTANT),
      .kernel = {shape.begin() + 3, shape.end()},
      .stride = numbers(convolution.get_strides()),
      .dilation = numbers(convolution.get_dilations()),
      .axes = std::vector<int64_t>(shape.size() - 3)};
  std::iota(of.axes.begin(), of.axes.end(), 2);
  of.out = out_sizes(of);
  ov::OutputVector taps;
  const int64_t count =
      std::accumulate(of.kernel.begin(), of.kernel.end(), int64_t{1}, std::multiplies<>());
  for (int64_t tap = 0; tap < count; ++tap) taps.push_back(met(of, tap));
  const auto all = std::make_shared<ov::op::v0::Concat>(taps, 2);  // [B, C, count, out...]
  const int64_t seen = shape[2] * count;
  const Output matrix =
      reshaped_as(node.input_value(1), whole_numbers({1, shape[0], shape[1], seen}));
  const Output product = std::make_shared<ov::op::v0::MatMul>(
      matrix, reshaped_as(all, whole_numbers({0, shape[0], seen, -1})));
  const auto result = std::make_shared<ov::op::v0::Concat>(
      ov::OutputVector{whole_numbers({0, shape[0] * shape[1]}), of.out}, 0);
  return reshaped_as(product, result);
}

}  // namespace

std::optional<Output> convolution_rule(const ov::Node& node) {
  return unfolded<ov::op::v1::Convolution>(node, false);
}

std::optional<Output> group_convolution_rule(const ov::Node& node) {
  return unfolded<ov::op::v1::GroupConvolution>(node, true);
}

std::optional<Output> cum_sum_rule(const ov::Node& node) {
  const auto& sum = dynamic_cast<const ov::op::v0::CumSum&>(node);
  const Output x = node.input_value(0);
  const auto given = ov::as_type_ptr<const ov::op::v0::Constant>(node.get_input_node_shared_ptr(1));
  if (!given || x.get_partial_shape().rank().is_dynamic()) return {};
  const int64_t rank = x.get_partial_shape().rank().get_length();
  const int64_t stated = given->cast_vector<int64_t>()[0];
  const int64_t axis = stated < 0 ? stated + rank : stated;
  const auto size = std::make_shared<ov::op::v0::Squeeze>(sizes(x, {axis}), whole_numbers({0}));
  const auto from =
      std::make_shared<ov::op::v4::Range>(whole_number(0), size, whole_number(1), ov::element::i64);
  const auto to = std::make_shared<ov::op::v0::Unsqueeze>(from, whole_numbers({1}));
  const Output a = sum.is_reverse() ? Output(to) : Output(from);
  const Output b = sum.is_reverse() ? Output(from) : Output(to);
  const Output counts = sum.is_exclusive() ? Output(std::make_shared<ov::op::v1::Less>(a, b))
                                           : Output(std::make_shared<ov::op::v1::LessEqual>(a, b));
  const auto matrix = std::make_shared<ov::op::v0::Convert>(counts, x.get_element_type());
  std::vector<int64_t> order(static_cast<size_t>(rank));
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[static_cast<size_t>(axis)], order.back());  // its own inverse
  const auto turned = std::make_shared<ov::op::v1::Transpose>(x, whole_numbers(order));
  // A row of one at least: a matrix product of a vector would drop that axis.
  const Output rows =
      rank > 1 ? Output(turned)
               : Output(std::make_shared<ov::op::v0::Unsqueeze>(turned, whole_numbers({0})));
  Output sums = std::make_shared<ov::op::v0::MatMul>(rows, matrix, false, true);
  if (rank == 1) sums = std::make_shared<ov::op::v0::Squeeze>(sums, whole_numbers({0}));
  return std::make_shared<ov::op::v1::Transpose>(sums, whole_numbers(order));
}

}  // namespace accel::backend
