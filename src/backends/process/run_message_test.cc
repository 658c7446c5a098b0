#include "backends/process/run_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::backend {
namespace {

using ::testing::ElementsAre;

RunMessage tensors_message() {
  return {.kind = RunKind::kRun,
          .tensors = {{DType::kI64, {2, 3}, 0}, {DType::kBool, {}, 64}, {DType::kF32, {0}, 128}}};
}

std::vector<RunMessage> one_of_each() {
  RunMessage done = tensors_message();
  done.kind = RunKind::kDone;
  return {tensors_message(),
          {.kind = RunKind::kRoom},
          done,
          {.kind = RunKind::kNeedsRoom, .bytes = 123456789},
          {.kind = RunKind::kFailed, .error = invalid_argument("expected another shape")}};
}

TEST(RunMessages, ComeBackAsTheyWere) {
  for (const RunMessage& message : one_of_each()) {
    const Result<RunMessage> again = decode(encode(message));
    ASSERT_TRUE(again.ok()) << again.status().message();
    EXPECT_EQ(again->kind, message.kind);
    EXPECT_EQ(again->tensors, message.tensors);
    EXPECT_EQ(again->bytes, message.bytes);
    EXPECT_EQ(again->error.to_string(), message.error.to_string());
  }
}

// But for a text, which has no end of its own.
TEST(RunMessages, CutOffOrLengthenedTheyAreRefused) {
  for (const RunMessage& message : one_of_each()) {
    if (message.kind == RunKind::kFailed) continue;
    const std::string whole = encode(message);
    EXPECT_FALSE(decode(whole + '\0').ok());
    for (size_t size = 0; size < whole.size(); ++size) {
      EXPECT_EQ(decode(whole.substr(0, size)).status().code(), StatusCode::kDataLoss);
    }
  }
}

TEST(RunMessages, NumbersThatCannotBeAreRefused) {
  const auto refused = [](RunMessage message) {
    return decode(encode(message)).status().code() == StatusCode::kDataLoss;
  };
  EXPECT_TRUE(refused({.kind = static_cast<RunKind>(0)}));
  EXPECT_TRUE(refused({.kind = static_cast<RunKind>(6)}));
  EXPECT_TRUE(refused({.kind = RunKind::kRun, .tensors = {{static_cast<DType>(15), {1}, 0}}}));
  EXPECT_TRUE(refused({.kind = RunKind::kRun, .tensors = {{DType::kF32, {-1}, 0}}}));
  EXPECT_TRUE(refused({.kind = RunKind::kRun,
                       .tensors = {{DType::kF32, {int64_t{1} << 40, int64_t{1} << 40}, 0}}}));
  EXPECT_TRUE(refused({.kind = RunKind::kRun, .tensors = {{DType::kF32, Shape(65, 1), 0}}}));
  EXPECT_TRUE(refused({.kind = RunKind::kNeedsRoom, .bytes = uint64_t{1} << 63}));
  EXPECT_TRUE(refused({.kind = RunKind::kFailed, .error = {}}));
  std::string many = encode({.kind = RunKind::kRun});
  many[4] = 1;  // 2^24 tensors
  EXPECT_EQ(decode(many).status().code(), StatusCode::kDataLoss);
}

TEST(RunMessages, TensorsArePlacedOneBehindTheOther) {
  std::vector<PlacedTensor> tensors{
      {DType::kF32, {3}}, {DType::kU8, {65}}, {DType::kF32, {0}}, {DType::kF64, {}}};
  EXPECT_EQ(place(tensors), 200);
  EXPECT_THAT((std::vector<uint64_t>{tensors[0].offset, tensors[1].offset, tensors[2].offset,
                                     tensors[3].offset}),
              ElementsAre(0, 64, 192, 192));
  std::vector<PlacedTensor> huge(3, {DType::kF64, {int64_t{1} << 42}});
  EXPECT_FALSE(place(huge));
}

TEST(RunMessages, TensorsLieInsideTheirMemory) {
  const auto check = [](uint64_t offset, int64_t size) {
    const std::vector<PlacedTensor> one{{DType::kF32, {size}, offset}};
    return check_places(one, 256).ok();
  };
  EXPECT_TRUE(check(0, 64));
  EXPECT_TRUE(check(192, 16));
  EXPECT_TRUE(check(256, 0));
  EXPECT_FALSE(check(0, 65));
  EXPECT_FALSE(check(192, 17));
  EXPECT_FALSE(check(320, 0));
  EXPECT_FALSE(check(4, 1));
  EXPECT_FALSE(check(uint64_t{0} - 64, 32));  // its end overflows
}

}  // namespace
}  // namespace accel::backend
