#include "models/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>

#include "models/tiny_bert.h"
#include "tensors/convert.h"

namespace accel::models {
namespace {

using testing::HasSubstr;
using testing::Not;
using Constant = ov::op::v0::Constant;

Weights weights_of(const NamedTensors& tensors) {
  std::vector<WeightEntry> entries;
  for (const NamedTensor& tensor : tensors) entries.push_back({tensor.name, tensor.tensor});
  return Weights(std::move(entries));
}

constexpr std::array<float, 2> kTwo{1.5F, -2.0F};

std::shared_ptr<Constant> constant_of(const Output& value) {
  if (const auto convert = ov::as_type_ptr<ov::op::v0::Convert>(value.get_node_shared_ptr())) {
    return ov::as_type_ptr<Constant>(convert->get_input_node_shared_ptr(0));
  }
  return ov::as_type_ptr<Constant>(value.get_node_shared_ptr());
}

TEST(Weights, ConstantsViewTheCheckpointAndKeepItAlive) {
  auto owner = std::make_shared<std::vector<float>>(std::vector<float>{1, 2, 3, 4, 5, 6});
  const std::weak_ptr<std::vector<float>> watch = owner;
  Output value;
  {
    Weights weights({{"w", Tensor::wrap(DType::kF32, {2, 3}, owner->data(), owner)}});
    value = weights.get("w", {2, 3});
    EXPECT_TRUE(weights.check({}).ok());
    EXPECT_EQ(weights.parameters(), 6u);
  }
  EXPECT_EQ(constant_of(value)->get_data_ptr(), owner->data());
  owner.reset();
  EXPECT_FALSE(watch.expired());
  EXPECT_EQ(constant_of(value)->cast_vector<float>()[5], 6.0F);
  value = {};
  EXPECT_TRUE(watch.expired());
}

TEST(Weights, NarrowFloatsStayInMemoryAndLeaveAsF32) {
  const Tensor half = Tensor::allocate(DType::kF16, {2});
  const Tensor brain = Tensor::allocate(DType::kBF16, {2});
  Weights weights = weights_of({{"half", half}, {"brain", brain}});
  for (const auto& [name, type] :
       {std::pair{"half", ov::element::f16}, std::pair{"brain", ov::element::bf16}}) {
    const Output value = weights.get(name, {2});
    EXPECT_EQ(value.get_element_type(), ov::element::f32) << name;
    EXPECT_EQ(constant_of(value)->get_element_type(), type) << name;
  }
  EXPECT_TRUE(weights.check({}).ok());
}

TEST(Weights, FloatsOfEveryWidthLeaveAsF32) {
  for (const DType dtype :
       {DType::kF8E4M3, DType::kF8E5M2, DType::kF16, DType::kBF16, DType::kF32, DType::kF64}) {
    const Tensor tensor = *tensors::convert_dtype(Tensor::from<float>({2}, kTwo), dtype);
    Weights weights = weights_of({{"w", tensor}});
    const Output value = weights.get("w", {2});
    EXPECT_EQ(value.get_element_type(), ov::element::f32) << to_string(dtype);
    EXPECT_EQ(constant_of(value)->get_data_ptr(), tensor.bytes().data()) << to_string(dtype);
    EXPECT_EQ(constant_of(value)->cast_vector<float>(), (std::vector<float>{1.5, -2}));
    weights.get_integers("w", {2});
    EXPECT_TRUE(weights.check({}).ok()) << "a tensor has one problem at most";
  }
}

TEST(Weights, IntegersAreThereForThoseWhoAskForThem) {
  for (const DType dtype : {DType::kBool, DType::kU8, DType::kI8, DType::kU16, DType::kI16,
                            DType::kU32, DType::kI32, DType::kU64, DType::kI64}) {
    const NamedTensors tensors{{"w", Tensor::allocate(dtype, {2})}};
    Weights weights = weights_of(tensors);
    EXPECT_EQ(weights.get_integers("w", {2}).get_element_type(), ov::element::i64);
    EXPECT_TRUE(weights.check({}).ok()) << to_string(dtype);
    Weights others = weights_of(tensors);
    EXPECT_EQ(others.get("w", {2}).get_element_type(), ov::element::f32);
    EXPECT_THAT(others.check({}).message(), HasSubstr("w: expected floats, found"));
  }
  Weights weights = weights_of({{"w", Tensor::allocate(DType::kF32, {2})}});
  EXPECT_EQ(weights.get_integers("w", {2}).get_element_type(), ov::element::i64);
  EXPECT_THAT(weights.check({}).message(), HasSubstr("w: expected integers, found f32"));
}

TEST(Weights, TheNearestNameIsShownBesideAMissingOne) {
  Weights weights = weights_of({{"encoder.layer.0.output.LayerNrom.weight", tiny_tensor({2}, "w")},
                                {"encoder.layer.0.output.dense.bias", tiny_tensor({3}, "b")},
                                {"x", tiny_tensor({1}, "x")}});
  weights.get("encoder.layer.0.output.LayerNorm.weight", {2});
  weights.get("encoder.layer.0.output.dense.bias", {3});
  weights.get("encoder.layer.1.output.dense.bias", {3});  // near one that is used
  const std::string message = weights.check({}).message();
  EXPECT_THAT(message, HasSubstr("missing encoder.layer.0.output.LayerNorm.weight [2] (the nearest "
                                 "is encoder.layer.0.output.LayerNrom.weight [2])"));
  EXPECT_THAT(message, HasSubstr("missing encoder.layer.1.output.dense.bias [3]; "));
}

TEST(Weights, TheFirstPrefixThatOccursIsStripped) {
  const std::array<std::string_view, 2> prefixes{"", "bert."};
  for (const std::string prefix : {"", "bert."}) {
    Weights weights = weights_of(
        {{prefix + "word", tiny_tensor({2}, "word")}, {prefix + "bias", tiny_tensor({3}, "bias")}});
    weights.choose_prefix(prefixes, "word");
    EXPECT_TRUE(weights.has("bias")) << prefix;
    weights.get("word", {2});
    weights.get("bias", {3});
    EXPECT_TRUE(weights.check({}).ok()) << prefix;
    EXPECT_EQ(weights.parameters(), 5u);
  }
}

TEST(Weights, TheFirstTensorFlowNamesAreUnderstood) {
  const Tensor gamma = tiny_tensor({2}, "gamma");
  Weights weights =
      weights_of({{"a.LayerNorm.gamma", gamma}, {"a.LayerNorm.beta", tiny_tensor({2}, "beta")}});
  EXPECT_TRUE(weights.has("a.LayerNorm.weight"));
  EXPECT_EQ(constant_of(weights.get("a.LayerNorm.weight", {2}))->get_data_ptr(),
            gamma.bytes().data());
  weights.get("a.LayerNorm.bias", {2});
  EXPECT_TRUE(weights.check({}).ok());
  EXPECT_FALSE(weights.has("a.dense.weight"));
}

TEST(Weights, MissingExtraAndMisshapenAreAllNamedAtOnce) {
  Weights weights = weights_of({{"wrong", tiny_tensor({2, 3}, "wrong")},
                                {"extra.one", tiny_tensor({1}, "x")},
                                {"extra.two", tiny_tensor({4, 4}, "x")},
                                {"whole", Tensor::allocate(DType::kI64, {2})}});
  // What is not there is a placeholder of the right shape, so that building goes on.
  EXPECT_EQ(weights.get("missing", {5, 6}).get_shape(), (ov::Shape{5, 6}));
  EXPECT_EQ(weights.get("wrong", {3, 2}).get_shape(), (ov::Shape{3, 2}));
  EXPECT_EQ(weights.get("whole", {2}).get_shape(), (ov::Shape{2}));
  EXPECT_EQ(weights.raw("missing.too", {1}).count(), 0u);
  const Status status = weights.check({});
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  for (const char* part : {"6 problems", "missing missing [5, 6]", "missing missing.too [1]",
                           "wrong: expected shape [3, 2], found [2, 3]", "unexpected extra.one [1]",
                           "unexpected extra.two [4, 4]", "whole: expected floats, found i64"}) {
    EXPECT_THAT(status.message(), HasSubstr(part));
  }
  EXPECT_EQ(weights.parameters(), 0u);
}

TEST(Weights, AskingTwiceCountsOnce) {
  Weights weights = weights_of({{"w", tiny_tensor({4}, "w")}});
  weights.get("w", {4});
  weights.raw("w", {4});
  weights.get("none", {1});
  weights.get("none", {1});
  EXPECT_EQ(weights.parameters(), 4u);
  EXPECT_THAT(weights.check({}).message(), HasSubstr("1 problem)"));
}

TEST(Weights, OtherHeadsAndBuffersAreNoSurplus) {
  const std::array<std::string_view, 1> prefixes{"bert."};
  const std::array<std::string_view, 2> unused{"cls.", "embeddings.position_ids"};
  const NamedTensors tensors{{"bert.word", tiny_tensor({2}, "word")},
                             {"bert.embeddings.position_ids", Tensor::allocate(DType::kI64, {1})},
                             {"cls.predictions.bias", tiny_tensor({2}, "bias")}};
  Weights weights = weights_of(tensors);
  weights.choose_prefix(prefixes, "word");
  weights.get("word", {2});
  EXPECT_TRUE(weights.check(unused).ok()) << weights.check(unused).message();
  const Status strict = weights.check({});
  EXPECT_THAT(strict.message(), HasSubstr("unexpected bert.embeddings.position_ids"));
  EXPECT_THAT(strict.message(), HasSubstr("unexpected cls.predictions.bias"));
  EXPECT_THAT(strict.message(), Not(HasSubstr("bert.word")));
}

TEST(Weights, StackedRowsLieBelowOneAnother) {
  const Tensor a = tiny_tensor({2, 2}, "a");
  const Tensor b = tiny_tensor({2, 2}, "b");
  Weights weights = weights_of({{"a", a}, {"b", b}, {"h", Tensor::allocate(DType::kF16, {2, 2})}});
  const Output value = weights.get_stacked({"a", "b"}, {2, 2});
  EXPECT_EQ(value.get_shape(), (ov::Shape{4, 2}));
  std::vector<float> expected(a.data<float>().begin(), a.data<float>().end());
  expected.insert(expected.end(), b.data<float>().begin(), b.data<float>().end());
  EXPECT_EQ(constant_of(value)->cast_vector<float>(), expected);
  EXPECT_EQ(weights.parameters(), 8u);

  EXPECT_EQ(weights.get_stacked({"a", "h"}, {2, 2}).get_shape(), (ov::Shape{4, 2}));
  EXPECT_EQ(weights.get_stacked({"a", "none"}, {2, 2}).get_shape(), (ov::Shape{4, 2}));
  const Status status = weights.check({});
  EXPECT_THAT(status.message(), HasSubstr("same dtype"));
  EXPECT_THAT(status.message(), HasSubstr("missing none [2, 2]"));
}

TEST(Weights, TheMessageIsBoundedWhateverTheHeaderHolds) {
  NamedTensors tensors;
  for (int i = 0; i < 20000; ++i) tensors.push_back({std::to_string(i), Tensor()});
  const Status status = weights_of(tensors).check({});
  EXPECT_THAT(status.message(), HasSubstr("20000 problems"));
  EXPECT_THAT(status.message(), HasSubstr("and 10000 more"));
}

}  // namespace
}  // namespace accel::models
