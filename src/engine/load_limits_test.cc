#include "engine/load_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/tiny_bert.h"

namespace accel {
namespace {

using testing::HasSubstr;

const std::string kLimitedModel = std::string(ACCEL_TEST_DATA) + "/bert-feature";

TEST(LoadLimits, WeightsAreCountedInThePrecisionAndOnEachDevice) {
  const ModelReport report{.path = "m", .parameters = 1000, .weights_dtype = "f32"};
  const auto bytes = [&](Precision precision, size_t copies) {
    return engine::admitted_bytes(report, {.precision = precision, .copies = copies}).value();
  };
  EXPECT_EQ(bytes(Precision::kF32, 1), 4000U);
  EXPECT_EQ(bytes(Precision::kF16, 1), 2000U);
  EXPECT_EQ(bytes(Precision::kF16, 3), 6000U);
  EXPECT_TRUE(engine::admitted_bytes(report, {.bytes_max = 4000}).ok());
  const Status refused = engine::admitted_bytes(report, {.bytes_max = 3999}).status();
  EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(refused.message(), HasSubstr("take 4000 bytes in f32, the memory limit is 3999"));
  EXPECT_THAT(refused.message(), HasSubstr("run it in f16 or bf16"));
}

// row 13 (partial: the limit)
TEST(LoadLimits, AModelThatIsTooLargeIsRefusedAndOneThatFitsSaysWhatItTakes) {
  const models::ScratchFolder cache;
  const auto engine = *Engine::create({.cache_dir = cache.path().string(), .probe = false});
  LoadOptions options{
      .path = kLimitedModel, .precision = Precision::kF32, .memory_bytes_max = 1000};
  EXPECT_EQ(engine->load(options).status().code(), StatusCode::kResourceExhausted);
  options.fallback = true;  // nothing else would take less
  EXPECT_EQ(engine->load(options).status().code(), StatusCode::kResourceExhausted);
  const uint64_t needed = engine->describe(kLimitedModel)->parameters * 4;
  options.memory_bytes_max = needed;
  const auto model = engine->load(options);
  ASSERT_TRUE(model.ok()) << model.status().message();
  const auto result = (*model)->embed({"a text"});
  EXPECT_EQ(result->report.memory_bytes, needed);
  EXPECT_EQ(result->report.memory_bytes_max, needed);
  // Each of two parts has the weights once; what stands in is one device.
  options.device = "MULTI:CPU/1,CPU/1";
  EXPECT_TRUE((*engine->load(options))->embed({"a text"})->report.fallback);
  options.fallback = false;
  EXPECT_EQ(engine->load(options).status().code(), StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace accel
