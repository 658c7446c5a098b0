#include "pipelines/features.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "pipelines/task.h"
#include "pipelines/text/number_model.h"

namespace accel::pipelines {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Tensor numbers(Shape shape, const std::vector<float>& values) {
  return Tensor::from<float>(std::move(shape), std::span(values));
}

std::string json_of(const NamedTensors& outputs, const FeatureOptions& options = {}) {
  const auto result = features_of(outputs, options);
  return result.ok() ? to_json(*result) : result.status().message();
}

TEST(Features, AreNestedListsWithoutPadding) {
  const NamedTensors outputs = {{"last_hidden_state", numbers({3, 2}, {1, 2.5, -3, 0.1F, 9, 9})},
                                {"pooler_output", numbers({2}, {7, 8})}};
  EXPECT_EQ(json_of(outputs), "[[[1,2.5],[-3,0.1],[9,9]]]");
  EXPECT_EQ(json_of(outputs, {.tokens = 2}), "[[[1,2.5],[-3,0.1]]]");
  EXPECT_EQ(json_of(outputs, {.tokens = 0}), "[[]]");
  EXPECT_EQ(json_of(outputs, {.pool = true}), "[[7,8]]");
}

TEST(Features, OfAnEmbeddingThatIsCompared) {
  const NamedTensors outputs = {{"last_hidden_state", numbers({1, 2}, {1, 2})},
                                {"image_embeds", numbers({3}, {4, 5, 6})}};
  EXPECT_EQ(json_of(outputs), "[[4,5,6]]");
}

TEST(Features, SayWhatTheModelLacks) {
  const NamedTensors outputs = {{"last_hidden_state", numbers({1, 2}, {1, 2})}};
  EXPECT_THAT(json_of(outputs, {.pool = true}), HasSubstr("expected a model with a pooler"));
  EXPECT_THAT(json_of({{"logits", numbers({1}, {1})}}), HasSubstr("last_hidden_state"));
}

TEST(Features, WhatIsNoNumberIsNull) {
  const float infinite = std::numeric_limits<float>::infinity();
  EXPECT_EQ(json_of({{"last_hidden_state", numbers({1, 2}, {infinite, -infinite})}}),
            "[[[null,null]]]");
}

TaskModel words_model() {
  TaskModel model{.tokenizer = number_tokenizer(), .vocabulary = kNumbers + 2};
  model.sentences = std::make_shared<EmbeddingModel>(number_model());
  return model;
}

TEST(SparseEmbedding, KeepsTheHeaviestWords) {
  const TaskModel model = words_model();
  const auto prepared = prepare(**find_task("splade"), model, {.text = "1 2"}, {.top_k = 2});
  ASSERT_TRUE(prepared.ok()) << prepared.status().to_string();
  EXPECT_EQ(prepared->rows[0].inputs.size(), 2U);
  const std::vector<NamedTensors> outputs = {
      {{"sparse_embedding", numbers({6}, {0, 0.5F, 2, -1, 0.5F, 0})}}};
  const auto result = prepared->finish(outputs);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(
      to_json(*result),
      R"([{"token":2,"token_str":"2","weight":2.0},{"token":1,"token_str":"1","weight":0.5}])");
}

TEST(SentenceEmbedding, AnUnknownPromptIsNamed) {
  const TaskModel model = words_model();
  EXPECT_THAT(prepare(**find_task("sentence-embedding"), model, {.text = "1"}, {.prompt = "query"})
                  .status()
                  .message(),
              HasSubstr("no prompt 'query'"));
}

class LateTokens : public testing::Test {
 protected:
  LateTokens() {
    model_.late = {.query_id = 500,
                   .document_id = 501,
                   .query_tokens = 6,
                   .document_tokens = 5,
                   .expands = true,
                   .expansion_id = 900,
                   .skipped = {7}};
  }

  Prepared prepared(const std::string& text, const TaskOptions& options) const {
    auto made = prepare(**find_task("colbert"), model_, {.text = text}, options);
    if (!made.ok()) std::abort();
    return std::move(*made);
  }
  static std::vector<int64_t> input(const Prepared& prepared, const char* name) {
    const auto values = find(prepared.rows[0].inputs, name)->data<int64_t>();
    return {values.begin(), values.end()};
  }

  TaskModel model_ = words_model();
};

TEST_F(LateTokens, QueriesAreMarkedAndFilledUp) {
  Prepared query = prepared("1 7", {.prompt = "query"});
  EXPECT_THAT(input(query, "input_ids"), ElementsAre(1, 500, 7, 900, 900, 900));
  EXPECT_THAT(input(query, "attention_mask"), ElementsAre(1, 1, 1, 0, 0, 0));
  model_.late->attends = true;
  query = prepared("1 7", {.prompt = "query"});
  EXPECT_THAT(input(query, "attention_mask"), ElementsAre(1, 1, 1, 1, 1, 1));
  model_.late->expands = false;
  model_.late->query_id.reset();
  EXPECT_THAT(input(prepared("1 7", {.prompt = "query"}), "input_ids"), ElementsAre(1, 7));
}

TEST_F(LateTokens, DocumentsAreCutAndTheirPunctuationHasNoVector) {
  const Prepared document = prepared("1 7 2 3 4 5", {});
  EXPECT_THAT(input(document, "input_ids"), ElementsAre(1, 501, 7, 2, 3));
  const std::vector<NamedTensors> outputs = {
      {{"token_embeddings", numbers({6, 1}, {0.1F, 0.2F, 0.3F, 0.4F, 0.5F, 0.6F})}}};
  const auto result = document.finish(outputs);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(to_json(*result), "[[0.1],[0.2],[0.4],[0.5]]");  // the sixth was padding
  EXPECT_TRUE(result->truncated);
}

TEST_F(LateTokens, NothingElseIsAsked) {
  EXPECT_THAT(prepare(**find_task("colbert"), model_, {.text = "1"}, {.prompt = "passage"})
                  .status()
                  .message(),
              HasSubstr("expected query or document (the default), found 'passage'"));
  model_.late.reset();
  EXPECT_EQ(prepare(**find_task("colbert"), model_, {.text = "1"}, {}).status().code(),
            StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace accel::pipelines
