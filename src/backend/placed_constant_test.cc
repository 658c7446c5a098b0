#include "backend/placed_constant.h"

#include <gtest/gtest.h>

#include <cstring>
#include <openvino/op/add.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/prior_box.hpp>
#include <openvino/runtime/core.hpp>

#include "backend/conformance_kit.h"

namespace accel::backend {
namespace {

std::shared_ptr<ov::Model> read_back(const PlacedIr& ir, const std::string& weights) {
  const ov::Tensor bytes(ov::element::u8, ov::Shape{weights.size()},
                         const_cast<char*>(weights.data()));  // NOLINT: the engine only reads
  return ov::Core().read_model(ir.text, bytes);
}

template <class T>
std::string bytes_of_numbers(const std::vector<T>& numbers) {
  std::string bytes(numbers.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return bytes;
}

TEST(PlacedConstant, TheGraphFindsItsBytesWhereTheyAre) {
  const auto x = parameter("x", ov::element::f32, {-1, 3});
  const auto first =
      std::make_shared<PlacedConstant>(ov::element::f32, ov::Shape{1, 3}, Place{64, 12});
  const auto same =
      std::make_shared<PlacedConstant>(ov::element::f32, ov::Shape{1, 3}, Place{64, 12});
  const auto other = std::make_shared<PlacedConstant>(ov::element::u8, ov::Shape{3}, Place{0, 3});
  const auto wide = node<ov::op::v0::Convert>(other, ov::element::f32);
  const auto sum = node<ov::op::v1::Add>(node<ov::op::v1::Add>(x, first), same);
  const auto more = node<ov::op::v1::Add>(sum, constant(samples({1, 3}, 5)));
  const auto model =
      std::const_pointer_cast<ov::Model>(graph({x}, {{"y", node<ov::op::v1::Add>(more, wide)}}));
  const auto ir = write_placed_ir(model, 128);
  ASSERT_TRUE(ir.ok()) << ir.status().to_string();

  std::string weights(128, '\0');
  const std::string numbers = bytes_of_numbers(std::vector<float>{1.5F, -2.0F, 3.0F});
  weights.replace(0, 3, "\x07\x08\xff");
  weights.replace(64, numbers.size(), numbers);
  weights += ir->rest;  // the graph views them
  const auto back = read_back(*ir, weights);
  ov::Tensor in(ov::element::f32, ov::Shape{1, 3});
  std::memset(in.data(), 0, in.get_byte_size());
  ov::TensorVector out{ov::Tensor(ov::element::f32, ov::Shape{1, 3})};
  ASSERT_TRUE(back->evaluate(out, {in}));
  const Numbers added = samples({1, 3}, 5);
  const std::vector<float> once{1.5F, -2.0F, 3.0F};
  const std::vector<float> bytes{7, 8, 255};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(out[0].data<float>()[i],
              2 * once[i] + bytes[i] + static_cast<float>(added.values[i]));
  }
  EXPECT_EQ(back->output().get_any_name(), "y");
}

// An operation with an attribute of the same name.
TEST(PlacedConstant, OtherOffsetsAreLeftAlone) {
  ov::op::v0::PriorBox::Attributes attributes;
  attributes.offset = 0.25F;
  attributes.min_size = {8};
  attributes.aspect_ratio = {1};
  const auto x = parameter("x", ov::element::i64, {2});
  const auto boxes = node<ov::op::v0::PriorBox>(x, integers({32, 32}), attributes);
  const auto model = std::const_pointer_cast<ov::Model>(graph({x}, {{"y", boxes}}));
  const auto ir = write_placed_ir(model, 64);
  ASSERT_TRUE(ir.ok()) << ir.status().to_string();
  EXPECT_NE(ir->text.find("offset=\"0.25\""), std::string::npos);
  const std::string weights = std::string(64, '\0') + ir->rest;
  const auto back = read_back(*ir, weights);
  for (const auto& each : back->get_ops()) {
    if (const auto box = ov::as_type_ptr<ov::op::v0::PriorBox>(each)) {
      EXPECT_EQ(box->get_attrs().offset, 0.25F);
    }
  }
}

TEST(PlacedConstant, CopiesHaveTheSamePlace) {
  const auto one = std::make_shared<PlacedConstant>(ov::element::f16, ov::Shape{2}, Place{640, 4});
  const auto copy = one->clone_with_new_inputs({});
  const auto model =
      std::make_shared<ov::Model>(ov::OutputVector{copy->output(0)}, ov::ParameterVector{});
  const auto ir = write_placed_ir(model, 64);
  ASSERT_TRUE(ir.ok()) << ir.status().to_string();
  EXPECT_NE(ir->text.find("offset=\"640\" size=\"4\""), std::string::npos) << ir->text;
}

}  // namespace
}  // namespace accel::backend
