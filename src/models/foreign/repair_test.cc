#include "models/foreign/repair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openvino/op/constant.hpp>
#include <openvino/op/dft.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/op/reduce_max.hpp>
#include <openvino/op/result.hpp>
#include <openvino/op/tile.hpp>
#include <openvino/op/topk.hpp>

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

TEST(Repair, TopKKeepsTheOrderOfEqualValues) {
  const auto x = floats();
  const auto top = std::make_shared<ov::op::v11::TopK>(
      x, Constant::create(ov::element::i64, ov::Shape{}, {1}), 1, "max", "value");
  ov::Model model(top->outputs(), {x});
  ASSERT_TRUE(repair(model, {}).ok());
  EXPECT_TRUE(top->get_stable());
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
