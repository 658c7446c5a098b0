// Raw tensors through the engine.
#include <gmock/gmock.h>

#include "engine/engine_fixture.h"

namespace accel {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class InferTest : public EngineTest {
 protected:
  void SetUp() override { model_ = load({.use = Use::kInfer}); }
  Status refused(const NamedTensors& inputs) {
    const auto result = model_->infer(inputs);
    EXPECT_FALSE(result.ok());
    return result.status();
  }
  std::shared_ptr<Model> model_;
};

TEST_F(InferTest, WrongInputsListTheExpectedOnes) {
  const std::string expected = "expected input_ids i64[?, ?], attention_mask i64[?, ?] (optional)";
  const std::pair<NamedTensors, const char*> cases[] = {
      {{}, "input_ids is missing"},
      {{{"attention_mask", integers({1, 3}, 1)}}, "input_ids is missing"},
      {{{"input_ids", integers({1, 3}, 1)}, {"inputs", integers({1, 3}, 1)}},
       "inputs is no input of this model"},
      {{{"input_ids", integers({3}, 1)}}, "input_ids has shape [3]"},
      {{{"input_ids", integers({1, 3, 1}, 1)}}, "input_ids has shape [1, 3, 1]"},
      {{{"input_ids", Tensor::allocate(DType::kF32, {1, 3})}}, "input_ids has dtype f32"},
      {{{"ids", integers({3}, 1)}, {"mask", integers({3}, 1)}}, "ids is no input"},
  };
  for (const auto& [inputs, problem] : cases) {
    const Status status = refused(inputs);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << problem;
    EXPECT_THAT(status.message(), AllOf(HasSubstr(problem), HasSubstr(expected)));
  }
}

TEST_F(InferTest, ShapesMustAgree) {
  const Status status =
      refused({{"input_ids", integers({2, 3}, 1)}, {"attention_mask", integers({2, 4}, 1)}});
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("[2, 3]"), HasSubstr("[2, 4]")));
}

TEST_F(InferTest, RowNumbersOutsideTheirTablesAreOutOfRange) {
  const Tensor fine = integers({1, 3}, 1);
  const std::pair<NamedTensors, const char*> cases[] = {
      {{{"input_ids", integers({1, 3}, 1000)}}, "input_ids: expected values from 0 to 999"},
      {{{"input_ids", integers({1, 3}, -1)}}, "found -1 at element 0"},
      {{{"input_ids", fine}, {"token_type_ids", integers({1, 3}, 2)}}, "token_type_ids"},
      {{{"input_ids", fine}, {"position_ids", integers({1, 3}, 64)}}, "position_ids"},
      {{{"input_ids", integers({1, 65}, 1)}}, "expected at most 64 tokens, found 65"},
  };
  for (const auto& [inputs, problem] : cases) {
    EXPECT_EQ(refused(inputs).code(), StatusCode::kOutOfRange) << problem;
    EXPECT_THAT(refused(inputs).message(), HasSubstr(problem));
  }
  EXPECT_TRUE(model_->infer({{"input_ids", integers({1, 64}, 999)}}).ok());
}

TEST_F(InferTest, IntegersTooLargeForTheInputAreRefused) {
  Tensor huge = Tensor::allocate(DType::kU64, {1, 1});
  std::ranges::fill(std::span(huge.mutable_data(), 8), std::byte{0xFF});
  EXPECT_EQ(refused({{"input_ids", huge}}).code(), StatusCode::kInvalidArgument);
}

TEST_F(InferTest, OrderOfInputsDoesNotMatter) {
  const NamedTensor ids{"input_ids", integers({1, 4}, 9)};
  const NamedTensor types{"token_type_ids", integers({1, 4}, 1)};
  const auto one = model_->infer({ids, types});
  const auto other = model_->infer({types, ids});
  ASSERT_TRUE(one.ok() && other.ok());
  EXPECT_TRUE(std::ranges::equal(one->outputs[0].tensor.data<float>(),
                                 other->outputs[0].tensor.data<float>()));
}

TEST_F(InferTest, EmptyBatchesAndSequencesAreAnsweredOrRefused) {
  for (const char* backend : {"openvino", "reference"}) {
    const auto model = load({.backend = backend, .use = Use::kInfer});
    for (const Shape& shape : {Shape{0, 5}, Shape{2, 0}, Shape{0, 0}}) {
      const auto result = model->infer({{"input_ids", integers(shape, 1)}});
      if (result.ok()) {
        EXPECT_EQ(find(result->outputs, "last_hidden_state")->count(), 0u);
      } else {
        EXPECT_EQ(result.status().code(), StatusCode::kInvalidArgument)
            << result.status().message();
      }
    }
    EXPECT_TRUE(model->infer({{"input_ids", integers({1, 2}, 1)}}).ok());
  }
}

}  // namespace
}  // namespace accel
