// What load() runs before it returns.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accel/engine.h"
#include "models/tiny_bert.h"

namespace accel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class WarmUpTest : public testing::Test {
 protected:
  // Profiled, so that the engine counts its runs.
  Result<std::shared_ptr<Model>> load(LoadOptions options) {
    options.path = std::string(ACCEL_TEST_DATA) + "/bert-feature";
    options.precision = Precision::kF32;
    options.profile = true;
    return engine_->load(options);
  }
  // Of each graph that is compiled.
  static std::vector<uint64_t> runs_of(Model& model) {
    std::vector<uint64_t> runs;
    const auto graphs = model.graphs();
    EXPECT_TRUE(graphs.ok()) << graphs.status().message();
    for (const GraphReport& graph : *graphs) runs.push_back(graph.layers.runs);
    return runs;
  }

  models::ScratchFolder cache_;
  std::unique_ptr<Engine> engine_ =
      *Engine::create({.cache_dir = cache_.path().string(), .probe = false});
};

TEST_F(WarmUpTest, WithoutItNothingHasRun) {
  const auto embedding = load({});
  EXPECT_THAT(runs_of(**embedding), ElementsAre(0U));
  const auto task = load({.task = "feature-extraction", .use = Use::kRun});
  EXPECT_THAT(runs_of(**task), IsEmpty()) << "compiled at the first call";
}

// row 98 (partial: what is run and when; the times are in docs/performance.md)
TEST_F(WarmUpTest, ShapesHaveRunWhenALoadReturns) {
  const std::vector<NamedShape> shapes{{"input_ids", {1, 8}}};
  const auto embedding = load({.warm_up_shapes = shapes});
  ASSERT_TRUE(embedding.ok()) << embedding.status().message();
  EXPECT_THAT(runs_of(**embedding), ElementsAre(1U));
  const auto task =
      load({.task = "feature-extraction", .use = Use::kRun, .warm_up_shapes = shapes});
  ASSERT_TRUE(task.ok()) << task.status().message();
  EXPECT_THAT(runs_of(**task), ElementsAre(1U));
  const auto tensors = load({.use = Use::kInfer, .warm_up_shapes = shapes});
  ASSERT_TRUE(tensors.ok()) << tensors.status().message();
  EXPECT_THAT(runs_of(**tensors), ElementsAre(1U));
  // The graph is the one that requests take.
  const auto result = (*task)->run({{.text = "a text"}}, {.task = "feature-extraction"});
  EXPECT_THAT(result->report.warmed_up, ElementsAre("input_ids=[1,8]"));
  EXPECT_THAT(runs_of(**task), ElementsAre(2U));
  EXPECT_THAT((*embedding)->embed({"a text"})->report.warmed_up, ElementsAre("input_ids=[1,8]"));
}

TEST_F(WarmUpTest, TextsHaveRunToo) {
  const std::vector<std::string> texts{"a text", "another one of some more words"};
  const auto embedding = load({.warm_up_texts = texts});
  ASSERT_TRUE(embedding.ok()) << embedding.status().message();
  EXPECT_THAT(runs_of(**embedding), ElementsAre(2U));
  const auto task = load({.task = "feature-extraction", .use = Use::kRun, .warm_up_texts = texts});
  ASSERT_TRUE(task.ok()) << task.status().message();
  EXPECT_THAT(runs_of(**task), ElementsAre(2U));
  EXPECT_THAT((*embedding)->embed({"x"})->report.warmed_up,
              ElementsAre("a text of 6 bytes", "a text of 30 bytes"));
}

TEST_F(WarmUpTest, EverySessionOfEveryDeviceHasRunAndNoneCountsAsWork) {
  auto model = engine_->load({.path = std::string(ACCEL_TEST_DATA) + "/bert-feature",
                              .device = "MULTI:CPU/1,CPU/1",
                              .precision = Precision::kF32,
                              .warm_up_shapes = {{"input_ids", {1, 8}}}});
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ((*model)->statistics().batches, 0U);
  EXPECT_TRUE((*model)->embed({"a text", "and another"}).ok());
}

TEST_F(WarmUpTest, WhatTheModelDoesNotTakeIsRefused) {
  const auto refused = [&](const LoadOptions& options) {
    const auto model = load(options);
    EXPECT_EQ(model.status().code(), StatusCode::kInvalidArgument);
    return model.status().message();
  };
  EXPECT_THAT(refused({.warm_up_shapes = {{"pixel_values", {1, 3, 8, 8}}}}),
              HasSubstr("warm-up: expected inputs of the model (input_ids"));
  EXPECT_THAT(refused({.warm_up_shapes = {{"input_ids", {8}}}}), HasSubstr("a shape like"));
  EXPECT_THAT(refused({.warm_up_shapes = {{"input_ids", {1, 5000}}}}), HasSubstr("at most"));
  EXPECT_THAT(refused({.use = Use::kInfer, .warm_up_texts = {"a"}}), HasSubstr("expected shapes"));
}

}  // namespace
}  // namespace accel
