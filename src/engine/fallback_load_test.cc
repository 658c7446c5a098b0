// Loading with what is there instead of what was asked for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "accel/engine.h"
#include "engine/load_first.h"
#include "engine/stated_model.h"
#include "models/tiny_bert.h"

namespace accel::engine {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kTinyModel = std::string(ACCEL_TEST_DATA) + "/bert-feature";

class FallbackLoadTest : public testing::Test {
 protected:
  RunReport run(LoadOptions options) {
    options.path = kTinyModel;
    const auto model = engine_->load(options);
    if (!model.ok()) {
      ADD_FAILURE() << model.status().to_string();
      return {};
    }
    const auto result = (*model)->embed({"a text"});
    EXPECT_TRUE(result.ok());
    return result.ok() ? result->report : RunReport{};
  }
  Status refused(LoadOptions options) {
    options.path = kTinyModel;
    return engine_->load(options).status();
  }

  const models::ScratchFolder cache_;
  const std::unique_ptr<Engine> engine_ =
      *Engine::create({.cache_dir = cache_.path().string(), .probe = false});
};

// row 307 (partial: the library; the warning is the program's)
TEST_F(FallbackLoadTest, AnAbsentDeviceIsTheCpuAndTheReportListsWhatThereIs) {
  const RunReport report = run({.device = "GPU.7", .fallback = true});
  EXPECT_EQ(report.backend, "openvino");
  EXPECT_EQ(report.device, "CPU");
  EXPECT_TRUE(report.fallback);
  EXPECT_THAT(report.fallback_reason,
              AllOf(StartsWith("openvino on CPU instead of openvino on GPU.7: device 'GPU.7'"),
                    HasSubstr("expected one of: CPU")));
}

// row 158 (partial: a device; the program and the exit code are in tests/journey)
TEST_F(FallbackLoadTest, WithoutFallbackItIsTheError) {
  const Status status = refused({.device = "GPU.7"});
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_EQ(status.message(), "device 'GPU.7' is not on this machine; expected one of: CPU");
}

// row 308 (partial: the library)
TEST_F(FallbackLoadTest, TheCpuAskedForIsNoFallback) {
  const RunReport report = run({.device = "CPU", .fallback = true});
  EXPECT_FALSE(report.fallback);
  EXPECT_EQ(report.fallback_reason, "");
}

TEST_F(FallbackLoadTest, OtherUsesFallBackWhenTheyAreLoadedToo) {
  for (const Use use : {Use::kInfer, Use::kRun}) {
    EXPECT_EQ(refused({.device = "GPU.7", .use = use}).code(), StatusCode::kOk);
    const RunReport report = run({.device = "GPU.7", .use = use, .fallback = true});
    EXPECT_EQ(report.device, "CPU");
    EXPECT_TRUE(report.fallback);
  }
}

// row 25 (partial: no machine with a GPU)
TEST_F(FallbackLoadTest, AutoIsADeviceThatIsThere) {
  const RunReport report = run({.device = "AUTO"});
  EXPECT_NE(report.device, "AUTO");
  EXPECT_FALSE(report.fallback);
}

TEST_F(FallbackLoadTest, AnAbsentMemberOfAListIsLeftOutAndNamed) {
  const RunReport report = run({.device = "AUTO:GPU.7,CPU"});
  EXPECT_EQ(report.device, "CPU");
  EXPECT_FALSE(report.fallback);
  EXPECT_THAT(report.notices, testing::ElementsAre(HasSubstr("GPU.7 not on this machine")));
}

TEST_F(FallbackLoadTest, APrecisionThatTheDeviceLacksBecomesF32) {
  const RunReport report =
      run({.backend = "reference", .precision = Precision::kF16, .fallback = true});
  EXPECT_EQ(report.precision, Precision::kF32);
  EXPECT_TRUE(report.fallback);
}

TEST_F(FallbackLoadTest, TheReferenceStandsInForPyTorchAndSaysSo) {
  const RunReport report = run({.backend = "pytorch", .device = "CUDA"});
  EXPECT_EQ(report.backend, "reference");
  EXPECT_TRUE(report.fallback);
  EXPECT_THAT(report.fallback_reason, HasSubstr("'pytorch' is in no build"));
}

TEST_F(FallbackLoadTest, WhatIsWrongWithTheRequestStaysAnError) {
  EXPECT_EQ(refused({.backend = "opnvino", .device = "GPU", .fallback = true}).code(),
            StatusCode::kNotFound);
  EXPECT_EQ(engine_->load({.path = kTinyModel + "/none", .fallback = true}).status().code(),
            StatusCode::kNotFound);
}

// row 108 (partial: model_format and model_type; the others are LoadOptions of the engine's tests)
TEST_F(FallbackLoadTest, AModelOfAnotherKindThanStatedIsRefused) {
  EXPECT_THAT(refused({.model_format = "onnx"}).message(), HasSubstr("made of onnx"));
  EXPECT_THAT(refused({.model_type = "vision"}).message(), HasSubstr("found one of text"));
  EXPECT_FALSE(run({.model_format = "native", .model_type = "text"}).fallback);
}

TEST(TypeOfInputs, IsToldByTheirNames) {
  const auto type = [](std::vector<std::string> names) {
    return std::string(type_of_inputs(names));
  };
  EXPECT_EQ(type({"input_ids", "attention_mask"}), "text");
  EXPECT_EQ(type({"pixel_values"}), "vision");
  EXPECT_EQ(type({"input_features", "decoder_input_ids"}), "audio");
  EXPECT_EQ(type({"input_ids", "pixel_values"}), "multimodal");
  EXPECT_EQ(type({"x"}), "");
}

TEST(LoadFirst, TellsEveryErrorWhenNothingHelps) {
  std::vector<std::string> reasons;
  const std::vector<std::string> devices{"CPU"};
  const auto failed = load_first(runtime::load_candidates({"openvino", "CPU"}, devices, true),
                                 [&](const runtime::Candidate& one,
                                     const std::string& reason) -> Result<std::shared_ptr<Model>> {
                                   reasons.push_back(reason);
                                   return unavailable("no " + one.backend);
                                 });
  EXPECT_THAT(reasons, ElementsAre("", "reference on CPU instead of openvino on CPU: no openvino"));
  EXPECT_EQ(failed.status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(failed.status().message(),
            "no openvino; no fallback helped; reference on CPU: no reference");
}

}  // namespace
}  // namespace accel::engine
