// Rules that send inputs of a model to the devices of a set, at every way into the model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accel/engine.h"
#include "models/tiny_bert.h"

namespace accel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kRuledModel = std::string(ACCEL_TEST_DATA) + "/bert-feature";
constexpr std::string_view kShortToFirst =
    "tokens_below=8 device=CPU/1#0; tokens_from=8 device=CPU/1#1";

class RulesTest : public testing::Test {
 protected:
  Result<std::shared_ptr<Model>> load(std::string_view rules, const std::string& device = kParts) {
    return engine_->load({.path = kRuledModel,
                          .device = device,
                          .precision = Precision::kF32,
                          .rules = parse_content_rules(rules).value()});
  }
  // "word word word": so many tokens, two special ones included.
  static std::string text_of(int tokens) {
    std::string text;
    for (int i = 2; i < tokens; ++i) text += text.empty() ? "a" : " a";
    return text;
  }
  static std::string expected_device(int tokens) { return tokens < 8 ? "CPU/1#0" : "CPU/1#1"; }

  static constexpr const char* kParts = "MULTI:CPU/1,CPU/1";
  models::ScratchFolder cache_;
  std::unique_ptr<Engine> engine_ =
      *Engine::create({.cache_dir = cache_.path().string(), .probe = false});
};

// row 260
TEST_F(RulesTest, ShortAndLongTextsOfOneCallRunWhereTheRulesSay) {
  const auto model = load(kShortToFirst);
  ASSERT_TRUE(model.ok()) << model.status().message();
  std::vector<std::string> texts;
  for (int i = 0; i < 300; ++i) texts.push_back(text_of(3 + i % 12));
  const auto result = (*model)->embed(texts);
  ASSERT_TRUE(result.ok()) << result.status().message();
  ASSERT_EQ(result->devices.size(), texts.size());
  uint64_t short_texts = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    ASSERT_EQ(result->tokens[i], 3 + static_cast<int>(i) % 12);
    EXPECT_EQ(result->devices[i], expected_device(result->tokens[i])) << i;
    if (result->tokens[i] < 8) ++short_texts;
  }
  // Also by what each device counted itself.
  const auto shares = (*model)->statistics().shares;
  ASSERT_EQ(shares.size(), 2U);
  EXPECT_EQ(shares[0].rows, short_texts);
  EXPECT_EQ(shares[1].rows, texts.size() - short_texts);
  // The answers are those of one device.
  const auto plain = engine_->load({.path = kRuledModel, .precision = Precision::kF32});
  const auto expected = (*plain)->embed(texts);
  EXPECT_THAT(expected->devices, IsEmpty());
  const auto found_numbers = result->embeddings.data<float>();
  const auto expected_numbers = expected->embeddings.data<float>();
  for (size_t i = 0; i < found_numbers.size(); ++i) {
    ASSERT_NEAR(found_numbers[i], expected_numbers[i], 1e-5) << i;
  }
}

// row 260
TEST_F(RulesTest, SoDoSingleTextsStreamsItemsAndTensors) {
  const auto loaded = load(kShortToFirst);
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  Model& model = **loaded;
  const auto stream = model.embed_stream({});
  const auto items = model.run_stream({.task = "feature-extraction"});
  ASSERT_TRUE(stream.ok() && items.ok());
  const std::vector<int> lengths{3, 12, 7, 8, 5, 13};
  for (const int tokens : lengths) {
    const auto one = model.embed({text_of(tokens)});
    EXPECT_THAT(one->devices, ElementsAre(expected_device(tokens)));
    EXPECT_EQ(one->report.device, expected_device(tokens));
    const auto pending = model.submit({.text = text_of(tokens)}, {.task = "feature-extraction"});
    const auto submitted = (*pending)->get();
    EXPECT_EQ(submitted->batch.device, expected_device(tokens));
    EXPECT_EQ(submitted->result.device, expected_device(tokens));
    const auto run = model.run({{.text = text_of(tokens)}}, {.task = "feature-extraction"});
    EXPECT_EQ(run->report.device, expected_device(tokens));
    EXPECT_TRUE((*stream)->push(text_of(tokens)).ok());
    EXPECT_TRUE((*items)->push({.text = text_of(tokens)}).ok());
    Tensor ids = Tensor::from<int64_t>({1, tokens}, std::vector<int64_t>(tokens, 5));
    const auto inferred = model.infer({{"input_ids", ids}});
    ASSERT_TRUE(inferred.ok()) << inferred.status().message();
    EXPECT_EQ(inferred->report.device, expected_device(tokens));
  }
  (*stream)->close();
  (*items)->close();
  std::vector<std::string> devices;
  while (true) {
    auto window = (*stream)->next();
    ASSERT_TRUE(window.ok());
    if (!*window) break;
    devices.insert(devices.end(), (*window)->devices.begin(), (*window)->devices.end());
  }
  ASSERT_EQ(devices.size(), lengths.size());
  for (size_t i = 0; i < lengths.size(); ++i) {
    EXPECT_EQ(devices[i], expected_device(lengths[i]));
    const auto item = (*items)->next();
    ASSERT_TRUE(item && item->ok());
    EXPECT_EQ((*item)->device, expected_device(lengths[i]));
  }
}

TEST_F(RulesTest, WhatCannotHoldIsRefusedWithTheRightForm) {
  const auto refused = [&](std::string_view rules, const std::string& device = kParts) {
    const auto model = load(rules, device);
    EXPECT_EQ(model.status().code(), StatusCode::kInvalidArgument);
    return model.status().message();
  };
  EXPECT_THAT(refused("device=CPU/1; tokens_below=3 device=CPU/1#0"),
              HasSubstr("rule 2: 'tokens_below=3 device=CPU/1#0' is never reached"));
  EXPECT_THAT(refused("device=GPU"), HasSubstr("expected a device of MULTI:CPU/1,CPU/1"));
  EXPECT_THAT(refused("device=CPU", "CPU"), HasSubstr("MULTI:CPU/1,GPU"));
}

TEST_F(RulesTest, ADeviceThatIsNotHereIsSaidAndItsInputsRunElsewhere) {
  const auto model = load("tokens_below=8 device=GPU; device=CPU/1#1", "MULTI:GPU,CPU/1,CPU/1");
  ASSERT_TRUE(model.ok()) << model.status().message();
  const auto result = (*model)->embed({text_of(3), text_of(12)});
  EXPECT_THAT(result->report.notices,
              ElementsAre(HasSubstr("GPU not on this machine"),
                          "rule 1: GPU is not used here; its inputs run anywhere"));
  EXPECT_EQ(result->devices[1], "CPU/1#1");
}

}  // namespace
}  // namespace accel
