#include "models/foreign/repair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <openvino/op/add.hpp>
#include <openvino/op/concat.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/convert_like.hpp>
#include <openvino/op/dft.hpp>
#include <openvino/op/divide.hpp>
#include <openvino/op/fake_quantize.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/interpolate.hpp>
#include <openvino/op/irdft.hpp>
#include <openvino/op/less_eq.hpp>
#include <openvino/op/max_pool.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/non_max_suppression.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/op/rdft.hpp>
#include <openvino/op/reduce_max.hpp>
#include <openvino/op/result.hpp>
#include <openvino/op/round.hpp>
#include <openvino/op/shape_of.hpp>
#include <openvino/op/squeeze.hpp>
#include <openvino/op/subtract.hpp>
#include <openvino/op/tile.hpp>
#include <openvino/op/topk.hpp>
#include <openvino/pass/constant_folding.hpp>

namespace accel::models::foreign {
namespace {

using ov::op::v0::Constant;
using ov::op::v0::Parameter;

std::shared_ptr<Parameter> floats(ov::PartialShape shape = {2, 4}) {
  auto parameter = std::make_shared<Parameter>(ov::element::f32, std::move(shape));
  parameter->set_friendly_name("x");
  return parameter;
}

std::shared_ptr<Constant> integers(std::vector<int64_t> values) {
  return Constant::create(ov::element::i64, ov::Shape{values.size()}, values);
}

std::string last_operation(const ov::Model& model) {
  return model.get_results()[0]->get_input_node_ptr(0)->get_type_name();
}

std::shared_ptr<Constant> numbers(const ov::Shape& shape, const std::vector<float>& values) {
  return Constant::create(ov::element::f32, shape, values);
}

// What `model` gives for `x`.
ov::TensorVector evaluate(const ov::Model& model, const ov::Shape& shape, std::vector<float> x) {
  ov::TensorVector outputs(model.outputs().size());
  EXPECT_TRUE(model.evaluate(outputs, {ov::Tensor(ov::element::f32, shape, x.data())}));
  return outputs;
}

template <class T>
std::vector<T> values_in(const ov::Tensor& tensor) {
  const T* first = tensor.data<T>();
  return {first, first + tensor.get_size()};
}

OnnxHeader header_with(const std::string& operation, int64_t opset = 17) {
  OnnxHeader header;
  header.opsets[""] = opset;
  header.operations = {operation};
  return header;
}

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(Repair, TopKKeepsTheOrderOfEqualValues) {
  const auto x = floats();
  const auto top = std::make_shared<ov::op::v11::TopK>(
      x, Constant::create(ov::element::i64, ov::Shape{}, {2}), 1, "max", "value");
  ov::Model model(top->outputs(), {x});
  ASSERT_TRUE(repair(model, {}).ok());
  EXPECT_TRUE(top->get_stable());
}

TEST(Repair, TopKOfOneIsTheFirstOfTheBest) {
  const std::vector<float> rows{1, 3, 3, 2, -kInfinity, -kInfinity, -kInfinity, -kInfinity};
  for (const std::string mode : {"max", "min"}) {
    const auto x = floats();
    const auto top =
        std::make_shared<ov::op::v11::TopK>(x, Constant::create(ov::element::i64, ov::Shape{}, {1}),
                                            1, mode, "value", ov::element::i64);
    ov::Model model(top->outputs(), {x});
    ASSERT_TRUE(repair(model, {}).ok());
    EXPECT_EQ(last_operation(model), "GatherElements");
    std::vector<float> given = rows;
    if (mode == "min") {
      for (float& value : given) value = -value;
    }
    // GatherElements of the row and this index is all that remains.
    const ov::Model index({model.get_results()[1]->input_value(0)}, {x});
    EXPECT_EQ(values_in<int64_t>(evaluate(index, {2, 4}, given)[0]), (std::vector<int64_t>{1, 0}));
  }
}

TEST(Repair, NonMaxSuppressionKeepsBoxesAtItsThreshold) {
  const auto number = [](float value) { return numbers({}, {value}); };
  for (const float threshold : {0.0F, 0.5F, 0.7F}) {
    const auto boxes = floats({1, 3, 4});
    const auto scores = std::make_shared<Parameter>(ov::element::f32, ov::Shape{1, 1, 3});
    const auto nms = std::make_shared<ov::op::v9::NonMaxSuppression>(
        boxes, scores, Constant::create(ov::element::i64, ov::Shape{}, {3}), number(threshold),
        number(0));
    ov::Model model({nms->output(0)}, {boxes, scores});
    ASSERT_TRUE(repair(model, {}).ok());
    const ov::Model alone({nms->input_value(3)}, ov::ParameterVector{});
    ov::TensorVector found(1);
    ASSERT_TRUE(alone.evaluate(found, {}));
    const float least = std::numeric_limits<float>::min();
    EXPECT_EQ(*found[0].data<float>(), std::max(least, std::nextafter(threshold, 1.0F)));
  }
}

TEST(Repair, MaxPoolHasNoWindowThatBeginsInThePadding) {
  const auto x = floats({1, 1, 2});
  const auto pool =
      std::make_shared<ov::op::v8::MaxPool>(x, ov::Strides{2}, ov::Strides{1}, ov::Shape{0},
                                            ov::Shape{1}, ov::Shape{1}, ov::op::RoundingType::CEIL);
  ov::Model model({pool->output(0)}, {x});
  ASSERT_EQ(model.output(0).get_shape(), (ov::Shape{1, 1, 2}));
  ASSERT_TRUE(repair(model, {}).ok());
  EXPECT_EQ(model.output(0).get_shape(), (ov::Shape{1, 1, 1}));
}

TEST(Repair, ResizeBetweenAlignedCornersNeedsWholeSizes) {
  using Interpolate = ov::op::v11::Interpolate;
  const auto resized = [](float scale, Interpolate::CoordinateTransformMode corners) {
    const auto x = floats({1, 1, 4, 4});
    const Interpolate::InterpolateAttrs attributes(Interpolate::InterpolateMode::LINEAR_ONNX,
                                                   Interpolate::ShapeCalcMode::SCALES, {0, 0, 0, 0},
                                                   {0, 0, 0, 0}, corners);
    const auto node = std::make_shared<Interpolate>(x, numbers({4}, {1, 1, scale, scale}),
                                                    integers({0, 1, 2, 3}), attributes);
    node->set_friendly_name("up");
    ov::Model model(node->outputs(), {x});
    return repair(model, {});
  };
  constexpr auto kAligned = Interpolate::CoordinateTransformMode::ALIGN_CORNERS;
  EXPECT_TRUE(resized(1.5F, kAligned).ok());
  EXPECT_TRUE(resized(0.6F, Interpolate::CoordinateTransformMode::HALF_PIXEL).ok());
  const Status status = resized(0.6F, kAligned);
  EXPECT_EQ(status.code(), StatusCode::kUnimplemented);
  EXPECT_THAT(status.message(), testing::HasSubstr("Resize (at \"up\") aligns corners"));
}

TEST(Repair, OneSidedDftHasTheShapesOfOnnx) {
  const auto x = floats({3, 5, 1});
  const auto forth = std::make_shared<ov::op::v9::RDFT>(x, integers({1}));
  ov::Model forward(forth->outputs(), {x});
  ASSERT_TRUE(repair(forward, header_with("DFT")).ok());
  EXPECT_EQ(forward.output(0).get_shape(), (ov::Shape{3, 3, 2}));
  const auto y = floats({3, 3, 2});
  const auto back = std::make_shared<ov::op::v9::IRDFT>(y, integers({1}));
  ov::Model backward(back->outputs(), {y});
  ASSERT_TRUE(repair(backward, header_with("DFT")).ok());
  EXPECT_EQ(backward.output(0).get_shape(), (ov::Shape{3, 4, 1}));
}

// As the front end writes QuantizeLinear; a tie and an odd zero point.
TEST(Repair, QuantizeLinearRoundsBeforeItAdds) {
  const auto quantized = [](bool folded, bool dequantized) {
    const auto x = floats({4});
    const auto scale = numbers({}, {2});
    const auto zero_point = numbers({}, {3});
    const auto end_at = [&](float end) -> std::shared_ptr<ov::Node> {
      if (folded) return numbers({}, {2 * (end - 3)});
      return std::make_shared<ov::op::v1::Multiply>(
          scale, std::make_shared<ov::op::v1::Subtract>(numbers({}, {end}), zero_point));
    };
    const auto fake = std::make_shared<ov::op::v0::FakeQuantize>(
        x, end_at(0), end_at(255), numbers({}, {0}), numbers({}, {255}), 256);
    std::shared_ptr<ov::Node> last = std::make_shared<ov::op::v0::Convert>(fake, ov::element::u8);
    if (dequantized) {
      last = std::make_shared<ov::op::v0::Convert>(last, ov::element::f32);
      last = std::make_shared<ov::op::v1::Multiply>(
          std::make_shared<ov::op::v1::Subtract>(last, zero_point), scale);
    }
    auto model = std::make_shared<ov::Model>(last->outputs(), ov::ParameterVector{x});
    EXPECT_TRUE(repair(*model, header_with("QuantizeLinear")).ok());
    return model;
  };
  for (const bool folded : {false, true}) {
    const ov::TensorVector found = evaluate(*quantized(folded, false), {4}, {3, -3, 1000, -1000});
    EXPECT_EQ(values_in<uint8_t>(found[0]), (std::vector<uint8_t>{5, 1, 255, 0})) << folded;
  }
  // The engine's 8-bit kernels are made from it.
  const auto ops = quantized(false, true)->get_ops();
  EXPECT_TRUE(std::ranges::any_of(
      ops, [](const auto& op) { return ov::is_type<ov::op::v0::FakeQuantize>(op); }));
}

// As the front end writes DynamicQuantizeLinear.
TEST(Repair, DynamicQuantizeLinearDividesByTheScale) {
  const auto x = floats({4});
  const auto range = numbers({}, {5});
  const auto most = numbers({}, {255});
  const auto scale = std::make_shared<ov::op::v1::Divide>(range, most);
  const auto steps = std::make_shared<ov::op::v1::Divide>(
      std::make_shared<ov::op::v1::Multiply>(
          x, std::make_shared<ov::op::v1::Subtract>(most, numbers({}, {0}))),
      range);
  const auto round =
      std::make_shared<ov::op::v5::Round>(steps, ov::op::v5::Round::RoundMode::HALF_TO_EVEN);
  ov::Model model({round->output(0), scale->output(0)}, {x});
  ASSERT_TRUE(repair(model, header_with("DynamicQuantizeLinear")).ok());
  EXPECT_EQ(steps->get_input_node_ptr(1), scale.get());
  // -2.5 / (5 / 255) is above -127.5.
  EXPECT_EQ(values_in<float>(evaluate(model, {4}, {-2.5F, 0, 1, 2})[0])[0], -127);
  for (const auto& divide : {steps, scale}) {
    EXPECT_TRUE(divide->get_rt_info().contains("nonconvertable_divide_0"));
  }
}

// Keys of 3 past and 4 new tokens, for 2 queries: the first of them may look at 4.
TEST(Repair, CausalAttentionCountsFromItsPast) {
  const auto past = floats({1, 1, 3, 8});
  const auto fresh = std::make_shared<Parameter>(ov::element::f32, ov::Shape{1, 1, 4, 8});
  const auto keys = std::make_shared<ov::op::v0::Concat>(ov::NodeVector{past, fresh}, 2);
  const auto zero = Constant::create(ov::element::i64, ov::Shape{}, {0});
  const auto length = std::make_shared<ov::op::v0::Squeeze>(
      std::make_shared<ov::op::v8::Gather>(std::make_shared<ov::op::v3::ShapeOf>(keys),
                                           integers({2}), zero),
      zero);
  const auto queries = Constant::create(ov::element::i64, ov::Shape{}, {2});
  const auto behind = Constant::create(ov::element::i64, ov::Shape{5}, {0, 1, 2, 3, 4});
  const auto allowed = std::make_shared<ov::op::v1::LessEqual>(
      behind, std::make_shared<ov::op::v1::Subtract>(length, queries));
  ov::Model model(allowed->outputs(), {past, fresh});
  ASSERT_TRUE(repair(model, header_with("Attention", 24)).ok());
  ov::Tensor given(ov::element::f32, ov::Shape{1, 1, 3, 8});
  ov::Tensor more(ov::element::f32, ov::Shape{1, 1, 4, 8});
  ov::TensorVector found(1);
  ASSERT_TRUE(model.evaluate(found, {given, more}));
  EXPECT_EQ(values_in<char>(found[0]), (std::vector<char>{1, 1, 1, 1, 0}));
}

TEST(Repair, InfiniteConstantsAreConvertedLate) {
  for (const ov::element::Type type : {ov::element::bf16, ov::element::f64}) {
    const auto x = std::make_shared<Parameter>(type, ov::Shape{1});
    x->set_friendly_name("x");
    const auto infinite = std::make_shared<ov::op::v1::ConvertLike>(numbers({1}, {-kInfinity}), x);
    const auto sum = std::make_shared<ov::op::v1::Add>(x, infinite);
    ov::Model model(sum->outputs(), {x});
    ASSERT_TRUE(repair(model, {}).ok());
    EXPECT_TRUE(ov::is_type<ov::op::v0::Convert>(sum->get_input_node_ptr(1)));
    EXPECT_TRUE(ov::pass::constant_folding_is_disabled(sum->get_input_node_ptr(1)));
  }
}

TEST(Repair, ReduceMaxReachesInfinity) {
  const auto x = floats();
  const auto reduce = std::make_shared<ov::op::v1::ReduceMax>(x, integers({1}), true);
  ov::Model model(reduce->outputs(), {x});
  ASSERT_TRUE(repair(model, {}).ok());
  EXPECT_EQ(last_operation(model), "Select");
}

TEST(Repair, TileByAnInputIsLeftToTheDeviceNoMore) {
  const auto x = floats();
  const auto repeats = std::make_shared<Parameter>(ov::element::i64, ov::Shape{2});
  const auto tile = std::make_shared<ov::op::v0::Tile>(x, repeats);
  ov::Model model(tile->outputs(), {x, repeats});
  ASSERT_TRUE(repair(model, {}).ok());
  EXPECT_EQ(last_operation(model), "Gather");
  EXPECT_EQ(model.output(0).get_partial_shape().rank(), ov::Rank(2));
}

TEST(Repair, DftCountsNegativeAxesFromTheVeryEnd) {
  for (const auto& [opset, axis] : {std::pair(17, 1), std::pair(20, 2)}) {
    const auto x = floats({3, 5, 7, 2});
    const auto dft = std::make_shared<ov::op::v7::DFT>(x, integers({-3}));
    ov::Model model(dft->outputs(), {x});
    OnnxHeader header;
    header.opsets[""] = opset;
    header.operations = {"DFT"};
    ASSERT_TRUE(repair(model, header).ok());
    const auto axes = ov::as_type_ptr<Constant>(dft->get_input_node_shared_ptr(1));
    EXPECT_EQ(axes->cast_vector<int64_t>(), std::vector<int64_t>{axis}) << opset;
  }
}

TEST(Repair, AnInputThatIsAnOutputHasBothNames) {
  const auto x = floats();
  x->output(0).set_names({"y"});
  ov::Model model(x->outputs(), {x});
  ASSERT_TRUE(repair(model, {}).ok());
  EXPECT_THAT(model.input(0).get_names(), testing::UnorderedElementsAre("x"));
  EXPECT_THAT(model.output(0).get_names(), testing::UnorderedElementsAre("y"));
}

}  // namespace
}  // namespace accel::models::foreign
