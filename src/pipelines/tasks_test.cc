#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipelines/task.h"
#include "pipelines/text/number_model.h"

namespace accel::pipelines {
namespace {

using testing::HasSubstr;

TaskModel classifier() {
  return {
      .tokenizer = number_tokenizer(), .vocabulary = kNumbers + 2, .labels = {"a", "b", "entails"}};
}

const Task& task(std::string_view name) { return **find_task(name); }

std::string refusal(std::string_view name, const TaskInput& input,
                    const TaskOptions& options = {}) {
  const TaskModel model = classifier();
  const auto prepared = prepare(task(name), model, input, options);
  return prepared.ok() ? "" : prepared.status().message();
}

TEST(Tasks, AreSortedAndFoundByTheirOtherNames) {
  EXPECT_TRUE(std::ranges::is_sorted(tasks(), {}, &Task::name));
  EXPECT_EQ(task("ner").name, "token-classification");
  EXPECT_EQ(task("rerank").name, "text-ranking");
  EXPECT_THAT(find_task("text-clasification").status().message(),
              HasSubstr("did you mean text-classification"));
}

// row 85 (partial: the tasks of texts)
TEST(Tasks, FollowTheHead) {
  const std::vector<std::string> tokens = {"input_ids", "attention_mask"};
  const std::vector<std::string> pixels = {"pixel_values"};
  EXPECT_EQ(task_of_head("text-classification", tokens)->name, "text-classification");
  EXPECT_EQ(task_of_head("text-generation", tokens), nullptr);
  EXPECT_EQ(task_of_head("feature-extraction", tokens)->name, "feature-extraction");
  EXPECT_EQ(task_of_head("feature-extraction", pixels)->name, "image-feature-extraction");
  // Half of a model that compares texts with images has its embedding to give.
  EXPECT_EQ(task_of_head("zero-shot-image-classification", pixels)->name,
            "image-feature-extraction");
}

TEST(Tasks, FollowTheModules) {
  EXPECT_EQ(task_of_modules(Computes::kDense).name, "sentence-embedding");
  EXPECT_EQ(task_of_modules(Computes::kSparse).name, "sparse-embedding");
  EXPECT_EQ(task_of_modules(Computes::kTokens).name, "multi-vector-embedding");
}

TEST(Tasks, RefuseOptionsThatTheyLack) {
  EXPECT_TRUE(check_options(task("fill-mask"), {.top_k = 3}).ok());
  EXPECT_THAT(check_options(task("fill-mask"), {.aggregation = "max"}).message(),
              HasSubstr("fill-mask has no option aggregation; it has: top_k, targets"));
  EXPECT_THAT(check_options(task("fill-mask"), {.top_k = -1}).message(),
              HasSubstr("top_k: expected at least 0"));
}

TEST(Tasks, RefuseInputsOfAnotherShape) {
  EXPECT_THAT(refusal("question-answering", {.text = "who?"}),
              HasSubstr("expected question, context, found one text"));
  EXPECT_THAT(refusal("fill-mask", {.text = "a", .second_text = "b"}),
              HasSubstr("expected text, found a second text"));
  EXPECT_THAT(refusal("text-ranking", {.text = "q"}), HasSubstr("found no list of texts"));
  EXPECT_EQ(refusal("text-classification", {.text = "1", .second_text = "2"}), "");
}

TEST(Tasks, InvalidUtf8IsReplacedAndCountedOrRefused) {
  const TaskModel model = classifier();
  const TaskInput input{.text = "1 \xff 2 \xc3"};
  const auto prepared = prepare(task("text-classification"), model, input, {});
  ASSERT_TRUE(prepared.ok());
  EXPECT_EQ(prepared->replaced_utf8, 2U);
  EXPECT_THAT(refusal("text-classification", input, {.strict_utf8 = true}),
              HasSubstr("invalid sequence at byte 2"));
}

TEST(ZeroShot, WantsAModelThatEntails) {
  EXPECT_EQ(refusal("zero-shot-classification", {.text = "1", .choices = {"2"}}), "");
  TaskModel model = classifier();
  model.labels = {"a", "b"};
  EXPECT_EQ(prepare(task("zero-shot-classification"), model, {.text = "1", .choices = {"2"}}, {})
                .status()
                .code(),
            StatusCode::kFailedPrecondition);
  EXPECT_THAT(refusal("zero-shot-classification", {.text = "1", .choices = {"2"}},
                      {.hypothesis = "no place"}),
              HasSubstr("where the label goes, found 'no place'"));
}

TEST(TextRanking, SortsDocumentsByTheirScore) {
  const TaskModel model = classifier();
  const auto prepared =
      prepare(task("text-ranking"), model, {.text = "1", .choices = {"2", "3", "4"}}, {.top_k = 2});
  ASSERT_TRUE(prepared.ok());
  ASSERT_EQ(prepared->rows.size(), 3U);
  std::vector<NamedTensors> outputs;
  for (const float logit : {-1.0F, 2.0F, 0.0F}) {
    outputs.push_back({{"logits", Tensor::from<float>({1}, std::vector{logit})}});
  }
  const auto result = prepared->finish(outputs);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(to_json(*result).substr(0, 19), R"([{"index":1,"score")");
  const auto& ranking = std::get<Ranking>(result->answer);
  ASSERT_EQ(ranking.size(), 2U);
  EXPECT_NEAR(ranking[0].score, 0.880797, 1e-6);
  EXPECT_EQ(ranking[1].text, "4");
}

TEST(MultipleChoice, AllChoicesAreOneRow) {
  const TaskModel model = classifier();
  const auto prepared =
      prepare(task("multiple-choice"), model, {.text = "1", .choices = {"2", "3 4"}}, {});
  ASSERT_TRUE(prepared.ok());
  ASSERT_EQ(prepared->rows.size(), 1U);
  EXPECT_EQ(prepared->rows[0].inputs[0].tensor.shape(), (Shape{2, 3}));
  // A third number is of padding: another item of the batch had three choices.
  const std::vector<NamedTensors> outputs = {
      {{"logits", Tensor::from<float>({3}, std::vector{0.0F, 1.0F, 9.0F})}}};
  const auto result = prepared->finish(outputs);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(std::get<Labels>(result->answer)[0].label, "3 4");
}

}  // namespace
}  // namespace accel::pipelines
