#include "measure/model_ranking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/scratch_folder.h"

namespace accel::measure {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

RankedModel model_called(const std::string& name, uint64_t bytes, double items_per_s = 0) {
  RankedModel made{.model = {.name = name, .path = "/" + name},
                   .report = {.family = "bert",
                              .architecture = "BertModel",
                              .tasks = {"feature-extraction", "sentence-embedding"},
                              .bytes_on_disk = bytes},
                   .memory_bytes = 2 * bytes};
  if (items_per_s > 0) {
    made.speed = MeasuredSpeed{.task = "sentence-embedding", .items_per_s = items_per_s};
  }
  return made;
}

std::vector<std::string> names(std::vector<RankedModel> candidates, const ModelSearch& search) {
  std::vector<std::string> found;
  for (const RankedModel& one : ranked(std::move(candidates), search)) {
    found.push_back(one.model.name);
  }
  return found;
}

const std::vector<RankedModel> kShelf{model_called("big", 900, 50), model_called("small", 10),
                                      model_called("fast", 100, 200), model_called("tiny", 5),
                                      model_called("slow", 20, 3)};

// row 235 (partial: the ranking)
TEST(ModelRanking, TheFastestMeasuredFirstThenTheSmallestOfTheRest) {
  EXPECT_THAT(names(kShelf, {}), ElementsAre("fast", "big", "slow", "tiny", "small"));
}

TEST(ModelRanking, WordTaskAndSizeChoose) {
  EXPECT_THAT(names(kShelf, {.word = "ST"}), ElementsAre("fast"));
  EXPECT_THAT(names(kShelf, {.word = "bertm"}).size(), 5U);
  EXPECT_THAT(names(kShelf, {.word = "sentence-emb"}).size(), 5U);
  EXPECT_THAT(names(kShelf, {.word = "gpt"}), IsEmpty());
  EXPECT_THAT(names(kShelf, {.task = "fill-mask"}), IsEmpty());
  EXPECT_THAT(names(kShelf, {.task = "feature-extraction"}).size(), 5U);
  EXPECT_THAT(names(kShelf, {.bytes_max = 20}), ElementsAre("slow", "tiny", "small"));
}

TEST(ModelRanking, WhatTheMachineCannotHoldComesLastOrNotAtAll) {
  EXPECT_THAT(names(kShelf, {.memory_max = 100}),
              ElementsAre("slow", "tiny", "small", "fast", "big"));
  EXPECT_THAT(names(kShelf, {.memory_max = 100, .only_fitting = true}),
              ElementsAre("slow", "tiny", "small"));
  EXPECT_FALSE(ranked({model_called("big", 900)}, {.memory_max = 100}).front().fits);
}

TEST(ModelRanking, TheFastestSettingOfTheTaskCounts) {
  const std::vector<MeasuredSpeed> speeds{{.task = "a", .device = "CPU", .items_per_s = 5},
                                          {.task = "a", .device = "GPU", .items_per_s = 50},
                                          {.task = "b", .device = "CPU", .items_per_s = 500}};
  EXPECT_EQ(fastest_of(speeds, "a")->device, "GPU");
  EXPECT_EQ(fastest_of(speeds, "")->task, "b");
  EXPECT_FALSE(fastest_of(speeds, "c").has_value());
  EXPECT_FALSE(fastest_of({}, "").has_value());
}

const SpeedPlace kPlace{.cpu = "c", .engine = "e 1", .model = "m"};

TEST(RememberedSpeed, IsReadBackAndBroken) {
  const store::ScratchFolder folder;
  const auto facts = store::Facts::create({.folder = folder.path()});
  MeasuredSpeed speed = speed_setting({.backend = "openvino",
                                       .device = "CPU",
                                       .precision = Precision::kBF16,
                                       .streams = 2,
                                       .threads = 4,
                                       .kernels = "accel-avx2"},
                                      "fill-mask");
  speed.items_per_s = 12.5;
  speed.inputs = "64 texts made with seed 1";
  EXPECT_EQ(speed_of(speed_json(speed)), speed);
  EXPECT_TRUE(remember_speed(*facts, kPlace, speed).ok());
  for (const char* text : {"3", "{}", R"({"task":"a"})", R"({"task":"a","items_per_sec":"x"})",
                           R"({"task":"a","items_per_sec":-1})", R"({"items_per_sec":3})"}) {
    EXPECT_FALSE(speed_of(Json::parse(text)).has_value()) << text;
  }
  EXPECT_EQ(speed_of(Json::parse(R"({"task":"a","items_per_sec":1,"threads":1e99})"))->threads,
            1'000'000);
}

TEST(RememberedSpeed, TimesOfBatchesAddUpBySettingAndInputs) {
  const store::ScratchFolder folder;
  const auto facts = store::Facts::create({.folder = folder.path()});
  const MeasuredSpeed setting{.task = "t", .device = "CPU", .precision = "f32", .inputs = "i"};
  EXPECT_THAT(recall_batch_times(*facts, kPlace, setting), IsEmpty());
  ASSERT_TRUE(
      remember_batch_times(*facts, kPlace, setting, std::vector<BatchTime>{{1, 2}, {8, 9}}).ok());
  ASSERT_TRUE(remember_batch_times(*facts, kPlace, setting, std::vector<BatchTime>{{1, 3}}).ok());
  EXPECT_THAT(recall_batch_times(*facts, kPlace, setting),
              ElementsAre(BatchTime{1, 2}, BatchTime{8, 9}, BatchTime{1, 3}));
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(
        remember_batch_times(*facts, kPlace, setting, std::vector<BatchTime>{{1, 100.0 + i}}).ok());
  }
  const auto kept = recall_batch_times(*facts, kPlace, setting);
  EXPECT_EQ(kept.size(), 1 + kTimesKept);
  EXPECT_EQ(kept.back(), (BatchTime{1, 119}));
  MeasuredSpeed other = setting;
  other.threads = 3;
  EXPECT_THAT(recall_batch_times(*facts, kPlace, other), IsEmpty());
  SpeedPlace newer = kPlace;
  newer.engine = "e 2";
  EXPECT_THAT(recall_batch_times(*facts, newer, setting), IsEmpty());
}

}  // namespace
}  // namespace accel::measure
