#include "pipelines/text/entities.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipelines/text/number_model.h"

namespace accel::pipelines {
namespace {

using testing::HasSubstr;

const std::vector<std::string> kLabels = {"O", "B-PER", "I-PER", "B-LOC"};

// A token that the model is `score` sure of; the rest is shared by the other labels.
LabelledToken token(const std::string& text, int64_t start, size_t label, double score,
                    bool inside_word = false) {
  std::vector<double> scores(kLabels.size(), (1 - score) / 3);
  scores[label] = score;
  return {.token = text,
          .scores = scores,
          .start = start,
          .end = start + static_cast<int64_t>(text.size()),
          .inside_word = inside_word};
}

std::string entities_of(std::span<const LabelledToken> tokens, Aggregation aggregation) {
  const auto entities = find_entities(tokens, kLabels, aggregation, *number_tokenizer());
  std::string text;
  for (const Entity& entity : *entities) {
    text += entity.entity + ":" + entity.word + "@" + std::to_string(entity.start) + "-" +
            std::to_string(entity.end) + " ";
  }
  return text;
}

const LabelledToken kAnnaInRome[] = {token("An", 0, 1, 0.9), token("na", 2, 2, 0.6, true),
                                     token("in", 5, 0, 0.9), token("Rome", 8, 3, 0.8)};

TEST(Entities, EachTokenForItself) {
  EXPECT_EQ(entities_of(kAnnaInRome, Aggregation::kNone),
            "B-PER:An@0-2 I-PER:na@2-4 B-LOC:Rome@8-12 ");
}

TEST(Entities, NeighboursOfOneLabelAreOne) {
  EXPECT_EQ(entities_of(kAnnaInRome, Aggregation::kSimple), "PER:An na@0-4 LOC:Rome@8-12 ");
  const LabelledToken two[] = {token("a", 0, 1, 0.9), token("b", 2, 1, 0.9)};
  EXPECT_EQ(entities_of(two, Aggregation::kSimple), "PER:a@0-1 PER:b@2-3 ");
  const auto entities =
      find_entities(kAnnaInRome, kLabels, Aggregation::kSimple, *number_tokenizer());
  EXPECT_NEAR((*entities)[0].score, 0.75, 1e-9);
}

TEST(Entities, AWordHasOneLabel) {
  // The second piece is surer of LOC.
  const LabelledToken word[] = {token("An", 0, 1, 0.5), token("na", 2, 3, 0.9, true)};
  EXPECT_EQ(entities_of(word, Aggregation::kFirst), "PER:An na@0-4 ");
  EXPECT_EQ(entities_of(word, Aggregation::kMax), "LOC:An na@0-4 ");
  EXPECT_EQ(entities_of(word, Aggregation::kAverage), "LOC:An na@0-4 ");
}

TEST(Entities, OfOverlappingWindowsTheLongerWins) {
  const auto entity = [](int64_t start, int64_t end, double score) {
    return Entity{.entity = "PER", .score = score, .start = start, .end = end};
  };
  const Entities kept = without_overlaps(
      {entity(10, 14, 0.9), entity(0, 4, 0.5), entity(0, 9, 0.2), entity(10, 14, 0.95)});
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_EQ(kept[0].end, 9);
  EXPECT_EQ(kept[1].score, 0.95);
}

TEST(Entities, AggregationsHaveNames) {
  EXPECT_EQ(*parse_aggregation({}), Aggregation::kSimple);
  EXPECT_EQ(*parse_aggregation("max"), Aggregation::kMax);
  EXPECT_THAT(parse_aggregation("most").status().message(), HasSubstr("none, simple, first"));
}

}  // namespace
}  // namespace accel::pipelines
