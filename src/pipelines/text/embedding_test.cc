#include "pipelines/text/embedding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "pipelines/text/number_model.h"

namespace accel::pipelines {
namespace {

using runtime::echo_of;
using runtime::EchoModel;
using runtime::EchoOptions;
using runtime::kEchoSize;
using testing::ElementsAre;
using testing::FloatEq;
using testing::HasSubstr;
using testing::IsEmpty;

// --- prompts -------------------------------------------------------------------------------------

TEST(Prompts, NamedDefaultOrNone) {
  EmbeddingModel model;
  EXPECT_EQ(*find_prompt(model, ""), "");
  EXPECT_EQ(find_prompt(model, "query").status().code(), StatusCode::kNotFound);
  EXPECT_THAT(find_prompt(model, "query").status().message(), HasSubstr("its prompts: none"));
  model.prompts = {{"document", ""}, {"query", "query: "}};
  EXPECT_EQ(*find_prompt(model, ""), "");
  EXPECT_EQ(*find_prompt(model, "query"), "query: ");
  EXPECT_EQ(*find_prompt(model, "document"), "");
  EXPECT_THAT(find_prompt(model, "passage").status().message(), HasSubstr("document, query"));
  model.default_prompt = "query";
  EXPECT_EQ(*find_prompt(model, ""), "query: ");
  EXPECT_EQ(*find_prompt(model, "document"), "");
}

// --- one text ------------------------------------------------------------------------------------

TEST(Prepare, TokensAndTruncation) {
  EmbeddingModel model = number_model();
  const TokenizedText whole = *prepare(model, "", "5 7 9", false);
  EXPECT_THAT(whole.ids, ElementsAre(5, 7, 9));
  EXPECT_FALSE(whole.truncated);
  model.max_tokens = 2;
  const TokenizedText cut = *prepare(model, "", "5 7 9", false);
  EXPECT_THAT(cut.ids, ElementsAre(5, 7));
  EXPECT_TRUE(cut.truncated);
  model.max_tokens = 0;  // no limit
  EXPECT_EQ(prepare(model, "", text_of(std::vector<int64_t>(5000, 3)), false)->ids.size(), 5000u);
}

TEST(Prepare, ThePromptGoesBeforeTheText) {
  const EmbeddingModel model = number_model();
  EXPECT_THAT(prepare(model, "1 2 ", "3", false)->ids, ElementsAre(1, 2, 3));
  EXPECT_THAT(prepare(model, "1", "3", false)->ids, ElementsAre(13));
  EXPECT_THAT(prepare(model, "", "", false)->ids, IsEmpty());
}

TEST(Prepare, LowerCaseCoversThePrompt) {
  EmbeddingModel model = number_model();
  const auto unknown = static_cast<int32_t>(kNumbers);
  EXPECT_THAT(prepare(model, "QUERY: ", "5", false)->ids, ElementsAre(unknown, 5));
  model.lower_case = true;
  EXPECT_THAT(prepare(model, "QUERY: ", "5", false)->ids, ElementsAre(unknown + 1, 5));
}

TEST(Prepare, InvalidUtf8IsReplacedAndCountedOrRefused) {
  const EmbeddingModel model = number_model();
  const TokenizedText repaired = *prepare(model, "", "5 \xFF 7 \xC3", false);
  EXPECT_EQ(repaired.replaced_utf8, 2u);
  EXPECT_EQ(repaired.ids.size(), 4u);
  EXPECT_EQ(repaired.ids[0], 5);
  EXPECT_EQ(repaired.ids[2], 7);
  const Status strict = prepare(model, "", "5 \xFF 7 \xC3", true).status();
  EXPECT_EQ(strict.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(strict.offset(), 2u);
  EXPECT_THAT(strict.message(), HasSubstr("byte 2"));
  EXPECT_EQ(prepare(model, "", "5 7", true)->replaced_utf8, 0u);
}

TEST(Prepare, IdsPastTheModelsRowsAreOutOfRange) {
  EmbeddingModel model = number_model();
  model.vocabulary = 100;
  EXPECT_TRUE(prepare(model, "", "99 0", false).ok());
  const Status status = prepare(model, "", "5 100", false).status();
  EXPECT_EQ(status.code(), StatusCode::kOutOfRange);
  EXPECT_THAT(status.message(), HasSubstr("id 100 ('100')"));
  EXPECT_THAT(status.message(), HasSubstr("only 100 rows"));
  // An id of 32 bits that a signed integer does not hold.
  EXPECT_EQ(prepare(model, "", "far", false).status().code(), StatusCode::kOutOfRange);
}

// --- one batch -----------------------------------------------------------------------------------

class Batch : public testing::Test {
 protected:
  // The finished rows of texts with these ids.
  std::vector<std::vector<float>> run(const std::vector<std::vector<int64_t>>& ids, int64_t length,
                                      const RowFinish& finish, EchoOptions echo = {}) {
    const auto model = std::make_shared<EchoModel>(std::move(echo));
    const auto session = *model->create_session();
    std::vector<TokenizedText> texts;
    for (const auto& one : ids) texts.push_back({.ids = {one.begin(), one.end()}});
    const int64_t size = finish.dimensions > 0 ? finish.dimensions : kEchoSize;
    std::vector<std::vector<float>> rows(ids.size(), std::vector<float>(size + 1, -1.0F));
    std::vector<const TokenizedText*> members;
    std::vector<float*> places;
    for (size_t i = 0; i < texts.size(); ++i) {
      members.push_back(&texts[i]);
      places.push_back(rows[i].data());
    }
    status_ =
        run_embedding_batch(*session, {.texts = members, .rows = places, .length = length}, finish);
    for (auto& row : rows) {
      EXPECT_EQ(row.back(), -1.0F) << "written past the row's end";
      row.pop_back();
    }
    return rows;
  }
  Status status_;
};

TEST_F(Batch, EveryTextGetsItsOwnRowWhateverThePadding) {
  const std::vector<std::vector<int64_t>> ids{{1, 2, 3}, {}, {999}, {4, 0, 0, 6, 7}};
  for (const int64_t length : {5, 64}) {
    const auto rows = run(ids, length, {});
    ASSERT_TRUE(status_.ok());
    for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(rows[i], echo_of(ids[i])) << i;
  }
}

TEST_F(Batch, FewerDimensionsAreBroughtBackToUnitLength) {
  const auto rows = run({{3, 4}, {}}, 2, {.dimensions = 3, .normalize = true});
  const float length = std::sqrt(4.0F + 49.0F + 9.0F);
  EXPECT_THAT(rows[0], ElementsAre(FloatEq(2 / length), FloatEq(7 / length), FloatEq(3 / length)));
  EXPECT_THAT(rows[1], ElementsAre(0, 0, 0));  // nothing to scale, and no NaN
  EXPECT_THAT(run({{3, 4}}, 2, {.dimensions = 3, .normalize = false})[0], ElementsAre(2, 7, 3));
  EXPECT_EQ(run({{3, 4}}, 2, {.dimensions = kEchoSize})[0], echo_of(std::vector<int64_t>{3, 4}));
}

TEST_F(Batch, TheSessionsFailureIsTheBatchs) {
  run({{1}}, 1, {}, {.failing_run = 0, .failure = internal_error("the engine broke")});
  EXPECT_EQ(status_.code(), StatusCode::kInternal);
  EXPECT_THAT(status_.message(), HasSubstr("the engine broke"));
}

}  // namespace
}  // namespace accel::pipelines
