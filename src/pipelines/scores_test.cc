#include "pipelines/scores.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

namespace accel::pipelines {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Scores, SoftmaxStandsLargeNumbers) {
  const auto scores = softmax(std::array{1000.0F, 1001.0F});
  EXPECT_THAT(scores, ElementsAre(DoubleNear(0.26894, 1e-5), DoubleNear(0.73106, 1e-5)));
  EXPECT_TRUE(softmax({}).empty());
}

TEST(Scores, TheFunctionIsWhatTheModelIsFor) {
  EXPECT_EQ(*score_function({}, "", 3), ScoreFunction::kSoftmax);
  EXPECT_EQ(*score_function({}, "", 1), ScoreFunction::kSigmoid);
  EXPECT_EQ(*score_function({}, "multi_label_classification", 3), ScoreFunction::kSigmoid);
  EXPECT_EQ(*score_function({}, "regression", 1), ScoreFunction::kNone);
  EXPECT_EQ(*score_function("none", "", 3), ScoreFunction::kNone);
  EXPECT_THAT(score_function("relu", "", 3).status().message(), HasSubstr("softmax, sigmoid"));
}

TEST(Scores, TheBestComeFirstAndOfEqualOnesTheEarlier) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(best(std::array{0.1, 0.5, nan, 0.5, 0.2}, 0), ElementsAre(1, 3, 4, 0, 2));
  EXPECT_THAT(best(std::array{0.1, 0.5, 0.2}, 2), ElementsAre(1, 2));
  EXPECT_THAT(best(std::array{0.1}, 5), ElementsAre(0));
}

TEST(Scores, MoreScoresThanNamesAreAFaultOfTheFolder) {
  const std::vector<std::string> names = {"a", "b"};
  EXPECT_EQ((*name_best(std::array{0.1, 0.9}, names, 1))[0].label, "b");
  EXPECT_THAT(name_best(std::array{1.0, 2.0, 3.0}, names, 1).status().message(),
              HasSubstr("3 scores and config.json's id2label has 2 names"));
}

}  // namespace
}  // namespace accel::pipelines
