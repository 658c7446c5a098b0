#include "pipelines/image/class_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace accel::pipelines {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

TEST(ClassMap, OfTheSameSizeIsTheBestOfEachPixel) {
  const std::array<float, 12> scores = {1, 5, 0, 2,   //
                                        2, 4, 0, 2,   //
                                        0, 0, 9, 1};  // of equal ones the first
  EXPECT_THAT(class_map(scores, {2, 2}, {2, 2}), ElementsAre(1, 0, 2, 0));
}

// torch.nn.functional.interpolate(torch.tensor([[[[0., 8.]], [[3., 3.]]]]), size=(1, 8),
//                                 mode="bilinear") is 0 0 .5... of the first class: above 3 from
//                                 the
// fourth pixel (3.0, where the first of equals counts) on.
TEST(ClassMap, GrowsBilinearlyWithoutAlignedCorners) {
  const std::array<float, 4> scores = {0, 8, 3, 3};
  EXPECT_THAT(class_map(scores, {2, 1}, {8, 1}), ElementsAre(1, 1, 1, 0, 0, 0, 0, 0));
  EXPECT_THAT(class_map(scores, {2, 1}, {8, 3}),
              ElementsAre(1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0));
}

TEST(ClassMap, ShrinksAndTakesOnePlaceForAll) {
  const std::array<float, 2> one = {0, 1};
  EXPECT_THAT(class_map(one, {1, 1}, {5, 4}), Each(1));
  const std::array<float, 8> two = {0, 0, 9, 9, 1, 1, 1, 1};
  EXPECT_THAT(class_map(two, {4, 1}, {2, 1}), ElementsAre(1, 0));
}

}  // namespace
}  // namespace accel::pipelines
