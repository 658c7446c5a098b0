#include "pipelines/text/token_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipelines/text/number_model.h"

namespace accel::pipelines {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// [CLS] a [SEP] 0 1 2 ... [SEP], the last text as many tokens as `second`.
text::Encoding pair(int32_t second) {
  text::Encoding encoding;
  const auto add = [&](int32_t id, int8_t sequence) {
    encoding.ids.push_back(id);
    encoding.sequences.push_back(sequence);
  };
  add(100, -1);
  add(200, 0);
  add(101, -1);
  for (int32_t i = 0; i < second; ++i) add(i, 1);
  add(101, -1);
  return encoding;
}

TEST(Windows, ShareTokensAndKeepWhatStandsAround) {
  const auto windows = cut_windows(pair(7), 1, {.tokens = 8, .stride = 2});
  ASSERT_TRUE(windows.ok());
  ASSERT_EQ(windows->size(), 3U);
  EXPECT_THAT((*windows)[0].ids, ElementsAre(100, 200, 101, 0, 1, 2, 3, 101));
  EXPECT_THAT((*windows)[1].ids, ElementsAre(100, 200, 101, 2, 3, 4, 5, 101));
  EXPECT_THAT((*windows)[2].ids, ElementsAre(100, 200, 101, 4, 5, 6, 101));
}

TEST(Windows, AShortTextIsOne) {
  EXPECT_EQ(cut_windows(pair(4), 1, {.tokens = 8, .stride = 2})->size(), 1U);
  EXPECT_EQ(cut_windows(pair(4000), 1, {.tokens = 0})->size(), 1U);
}

TEST(Windows, WithoutAWayForwardAreRefused) {
  EXPECT_THAT(cut_windows(pair(9), 1, {.tokens = 4}).status().message(),
              HasSubstr("4 tokens beside it"));
  EXPECT_THAT(cut_windows(pair(9), 1, {.tokens = 8, .stride = 4}).status().message(),
              HasSubstr("expected less than the 4 tokens"));
}

TEST(CodePoints, AreNotBytes) {
  EXPECT_EQ(code_points("Zoë's café", 2, 5), "ë's");
  EXPECT_EQ(code_points("🙂x", 1, 2), "x");
  EXPECT_EQ(code_points("ab", 1, 9), "b");
  EXPECT_EQ(code_points("ab", 5, 9), "");
}

TEST(DecodedText, LosesSpacesBeforeMarks) {
  EXPECT_EQ(without_spaces_before_marks("he didn 't say , \" no \" . it 's ?"),
            "he didn 't say, \" no \". it's?");
}

TEST(TokenRows, HaveTypeIdsWhereTheModelTakesThem) {
  TaskModel model{.tokenizer = number_tokenizer(), .vocabulary = kNumbers};
  const auto encoding = encode(model, "5 7");
  ASSERT_TRUE(encoding.ok());
  EXPECT_EQ(token_row(model, *encoding).inputs.size(), 2U);
  model.inputs = {"input_ids", "token_type_ids"};
  EXPECT_EQ(token_row(model, *encoding).inputs.size(), 3U);
}

TEST(TokenRows, AnIdThatTheModelLacksIsRefused) {
  const TaskModel model{.tokenizer = number_tokenizer(), .vocabulary = 6};
  EXPECT_EQ(encode(model, "7").status().code(), StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace accel::pipelines
