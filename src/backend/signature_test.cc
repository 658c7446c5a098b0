#include "backend/signature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openvino/op/add.hpp>
#include <openvino/op/convert.hpp>

#include "backend/conformance_kit.h"

namespace accel::backend {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

Signature tokens_and_mask() {
  const auto ids = parameter("input_ids", ov::element::i64, {-1, -1});
  const auto bias = parameter("bias", ov::element::f32, {-1, 4});
  const Output sum = node<ov::op::v1::Add>(bias, scalar(1));
  return signature_of(*graph(
      {ids, bias}, {{"sum", sum}, {"ids", node<ov::op::v0::Convert>(ids, ov::element::f32)}}));
}

// row 8 (partial: the backend's part; the load result is tested with the engine)
TEST(Signature, TellsNamesTypesAndFreeDimensions) {
  const Signature signature = tokens_and_mask();
  ASSERT_EQ(signature.inputs.size(), 2);
  EXPECT_EQ(describe(signature.inputs[0]), "input_ids i64[?, ?]");
  EXPECT_EQ(describe(signature.inputs[1]), "bias f32[?, 4]");
  ASSERT_EQ(signature.outputs.size(), 2);
  EXPECT_EQ(describe(signature.outputs[0]), "sum f32[?, 4]");
  EXPECT_EQ(describe(signature.outputs[1]), "ids f32[?, ?]");
}

TEST(CheckInputs, AcceptsAnyOrderAndAnySizeOfFreeDimensions) {
  const Tensor ids = as_i64(Numbers({3, 7}));
  const Tensor bias = as_f32(Numbers({0, 4}));
  EXPECT_TRUE(check_inputs(tokens_and_mask(), {{"bias", bias}, {"input_ids", ids}}).ok());
}

TEST(CheckInputs, NamesEveryDeviationAndWhatIsExpected) {
  const Status status = check_inputs(tokens_and_mask(), {{"input_ids", as_i32(Numbers({2, 2}))},
                                                         {"token_ids", as_i64(Numbers({2, 2}))}});
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(),
              AllOf(HasSubstr("input_ids has dtype i32"), HasSubstr("bias is missing"),
                    HasSubstr("token_ids is no input"), HasSubstr("expected input_ids i64"),
                    HasSubstr("bias f32[?, 4]")));
}

TEST(CheckInputs, ChecksRankAndFixedDimensions) {
  const Tensor ids = as_i64(Numbers({2, 2}));
  for (const Shape& shape : {Shape{4}, Shape{2, 5}, Shape{1, 2, 4}, Shape{}}) {
    const Status status =
        check_inputs(tokens_and_mask(), {{"input_ids", ids}, {"bias", as_f32(Numbers(shape))}});
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(),
                AllOf(HasSubstr("bias has shape " + to_string(shape)), Not(HasSubstr("dtype"))));
  }
}

}  // namespace
}  // namespace accel::backend
