#include "runtime/batch_memory.h"

#include <gtest/gtest.h>

namespace accel::runtime {
namespace {

constexpr uint64_t kMiB = 1 << 20;

TEST(BatchWeight, IsTokensAndOfLongTextsMore) {
  EXPECT_DOUBLE_EQ(weight_of(10, 0).amount, 10);
  EXPECT_FALSE(weight_of(10, 0).of_tokens);
  EXPECT_TRUE(weight_of(10, 8).of_tokens);
  EXPECT_NEAR(weight_of(10, 8).amount, 80, 2);
  EXPECT_DOUBLE_EQ(weight_of(1, 512).amount, 1024);
}

TEST(BatchWeight, OfTensorsIsThatOfTheirRows) {
  const Tensor ids = Tensor::allocate(DType::kI64, {2, 512});
  EXPECT_DOUBLE_EQ(weight_of(NamedTensors{{"attention_mask", ids}, {"input_ids", ids}}).amount,
                   2048);
  const Tensor pixels = Tensor::allocate(DType::kF32, {3, 3, 8, 8});
  EXPECT_DOUBLE_EQ(weight_of(NamedTensors{{"pixel_values", pixels}}).amount, 3);
}

TEST(BatchMemory, WhatASessionHoldsItTakesNoMore) {
  const BatchMemory memory;
  EXPECT_EQ(memory.growth(weight_of(4, 10), /*held=*/100), 0U);
  EXPECT_GT(memory.growth(weight_of(4, 100), 100), 0U);
}

TEST(BatchMemory, PredictsMoreThanWhatWasSeen) {
  BatchMemory memory;
  memory.learn(weight_of(10, 0), 2, 80 * kMiB);  // 10 MiB an image
  EXPECT_GE(memory.growth(weight_of(4, 0), 0), 40 * kMiB);
  EXPECT_LE(memory.growth(weight_of(4, 0), 0), 60 * kMiB);
}

TEST(BatchMemory, WhatElseTookMemoryMeanwhileIsNoMatter) {
  BatchMemory memory;
  memory.learn(weight_of(4, 0), 0, 40 * kMiB);
  const uint64_t before = memory.growth(weight_of(4, 0), 0);
  memory.learn(weight_of(5, 0), 4, 500 * kMiB);
  memory.learn(weight_of(8, 0), 5, 30 * kMiB);
  EXPECT_EQ(memory.growth(weight_of(4, 0), 0), before);
}

TEST(BatchMemory, BelievesNoSmallBatch) {
  BatchMemory memory;
  const uint64_t unseen = memory.growth(weight_of(1, 512), 0);
  memory.learn(weight_of(1, 8), 0, 0);
  EXPECT_EQ(memory.growth(weight_of(1, 512), 0), unseen);
  memory.learn(weight_of(1, 128), 0, 0);
  EXPECT_GT(memory.growth(weight_of(1, 512), 0), 0U);
}

TEST(BatchMemory, TheLargestIsTheOneThatFits) {
  BatchMemory memory;
  memory.learn(weight_of(1, 400), 0, 40 * kMiB);
  for (const int64_t tokens : {1, 16, 400, 4000}) {
    const int64_t most = memory.largest(tokens, 50, 10 * kMiB);
    EXPECT_GT(most, 0);
    EXPECT_LE(memory.growth(weight_of(most / tokens, tokens), 50), 10 * kMiB) << tokens;
  }
  EXPECT_EQ(memory.largest(0, 0, 0), 1);
}

}  // namespace
}  // namespace accel::runtime
