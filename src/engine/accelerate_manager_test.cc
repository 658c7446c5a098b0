#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

#include "accel/accelerate.h"
#include "base/cosine.h"
#include "hardware/acceleration_switch.h"
#include "models/tiny_bert.h"

namespace accel {
namespace {

using testing::HasSubstr;

const std::string kSmallModel = std::string(ACCEL_TEST_DATA) + "/bert-feature";

class AccelerateTest : public testing::Test {
 protected:
  AccelerateTest() { ::unsetenv(hardware::kSwitchVariable); }
  ~AccelerateTest() override { ::unsetenv(hardware::kSwitchVariable); }

  std::unique_ptr<AccelerateManager> make(const AccelerateOptions& options = {}) {
    auto manager = AccelerateManager::create(*engine_, options);
    if (!manager.ok()) ADD_FAILURE() << manager.status().to_string();
    return std::move(*manager);
  }
  static AcceleratedTask task_called(const std::string& id, const std::string& model = kSmallModel,
                                     int priority = 0) {
    return {.id = id,
            .model = model,
            .data = {{.text = "a text"}},
            .task = "embedding",
            .priority = priority};
  }
  static std::span<const float> numbers_of(const AcceleratedRun& run) {
    return std::get<Features>((*run.result->items.at(0)).answer).values.data<float>();
  }

  const models::ScratchFolder cache_;
  const std::unique_ptr<Engine> engine_ =
      *Engine::create({.cache_dir = cache_.path().string(), .probe = false});
};

// row 300 (partial: that both are the winners is measured in docs/performance.md)
TEST_F(AccelerateTest, FewItemsOfAModelThatIsNotLoadedTakeTheLocalPath) {
  const auto manager = make({.quickest_path = true});
  const auto run = [&](size_t items) {
    return manager->run(kSmallModel, std::vector<TaskInput>(items, {.text = "a text"}),
                        "embedding");
  };
  const AcceleratedRun few = run(5);
  ASSERT_TRUE(few.status.ok()) << few.status.to_string();
  EXPECT_EQ(few.backend, "reference");
  EXPECT_THAT(few.path_reason, HasSubstr("5 items are few"));
  EXPECT_FALSE(few.result->report.fallback);
  EXPECT_EQ(run(500).backend, "openvino");
  EXPECT_EQ(run(5).backend, "openvino") << "it is loaded there now";
  EXPECT_EQ(make()->run(kSmallModel, {{.text = "x"}}, "embedding").path_reason, "");
}

TEST_F(AccelerateTest, ThePathIsChosenByWhatWasMeasured) {
  EXPECT_FALSE(engine_->path_costs(kSmallModel));
  const auto measured = engine_->measure(kSmallModel, "CPU", 0.1);
  ASSERT_TRUE(measured.ok()) << measured.status().to_string();
  ASSERT_TRUE(measured->paths);
  EXPECT_GT(measured->paths->local.seconds_per_item, 0);
  EXPECT_GT(measured->paths->accelerated.load_seconds, 0);
  const auto known = engine_->path_costs(kSmallModel);
  ASSERT_TRUE(known);
  EXPECT_EQ(known->local.seconds_per_item, measured->paths->local.seconds_per_item);
  const AcceleratedRun done =
      make({.quickest_path = true})->run(kSmallModel, {{.text = "x"}}, "embedding");
  EXPECT_THAT(done.path_reason, HasSubstr("measured: 1 items"));
}

// row 206
TEST_F(AccelerateTest, ASuccessHasAResultAndAFailureSaysWhy) {
  const auto manager = make();
  const AcceleratedRun done =
      manager->run(kSmallModel, {{.text = "one"}, {.text = "two"}}, "embedding");
  ASSERT_TRUE(done.status.ok()) << done.status.to_string();
  EXPECT_EQ(done.backend, "openvino");
  EXPECT_EQ(done.model, kSmallModel);
  EXPECT_EQ(done.task, "sentence-embedding");
  ASSERT_TRUE(done.result.has_value());
  EXPECT_EQ(done.result->items.size(), 2U);
  EXPECT_TRUE(manager->run(kSmallModel, {{.text = "one"}}).status.ok());

  const std::vector<AcceleratedRun> failures{
      manager->run(kSmallModel + "/none", {{.text = "x"}}, "embedding"),
      manager->run(kSmallModel, {{.text = "x"}}, "no such task"),
      manager->run(kSmallModel, {{.text = "x"}}, "image-classification"),
      manager->run(kSmallModel, {}, "embedding")};
  for (const AcceleratedRun& failed : failures) {
    EXPECT_FALSE(failed.status.ok());
    EXPECT_FALSE(failed.result.has_value());
    EXPECT_EQ(failed.backend, "");
  }
  // One item that cannot be answered is no success of the whole.
  const AcceleratedRun partly =
      manager->run(kSmallModel, {{.text = "one"}, {.media = "no text"}}, "embedding");
  EXPECT_THAT(partly.status.message(), HasSubstr("item 2 of 2"));
  ASSERT_TRUE(partly.result.has_value());
  EXPECT_TRUE(partly.result->items[0].ok());
}

// row 209
TEST_F(AccelerateTest, TheLocalPathGivesTheSameNumbers) {
  const AcceleratedRun fast = make()->run(kSmallModel, {{.text = "a text"}}, "embedding");
  const AcceleratedRun local =
      make({.use_accelerate = false})->run(kSmallModel, {{.text = "a text"}}, "embedding");
  ASSERT_TRUE(fast.status.ok() && local.status.ok());
  EXPECT_EQ(fast.backend, "openvino");
  EXPECT_EQ(local.backend, "reference");
  EXPECT_GT(cosine_similarity(numbers_of(fast), numbers_of(local)), 0.999999);

  // The switch, moved while the manager lives.
  const auto manager = make();
  EXPECT_EQ(manager->run(kSmallModel, {{.text = "a"}}).backend, "openvino");
  ASSERT_EQ(::setenv(hardware::kSwitchVariable, "0", 1), 0);
  const AcceleratedRun off = manager->run(kSmallModel, {{.text = "a text"}}, "embedding");
  EXPECT_EQ(off.backend, "reference");
  EXPECT_EQ(off.result->report.local_reason, "IPFS_ACCELERATE_ENABLED=0");
  ASSERT_EQ(::setenv(hardware::kSwitchVariable, "1", 1), 0);
  EXPECT_EQ(manager->run(kSmallModel, {{.text = "a"}}).backend, "openvino");
}

TEST_F(AccelerateTest, AForcedTypeOfHardwareIsUsedOrRefused) {
  EXPECT_TRUE(
      make({.hardware = HardwareType::kCpu})->run(kSmallModel, {{.text = "x"}}).status.ok());
  const AcceleratedRun refused =
      make({.hardware = HardwareType::kWebNn})->run(kSmallModel, {{.text = "x"}});
  EXPECT_EQ(refused.status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(refused.status.message(), HasSubstr("webnn"));
}

// row 208
TEST_F(AccelerateTest, ASubmittedTaskLeadsToACompletedResultWithoutPeers) {
  const auto manager = make();
  ASSERT_TRUE(manager->submit(task_called("embed-001")).ok());
  const auto done = manager->wait("embed-001");
  ASSERT_TRUE(done.ok()) << done.status().to_string();
  EXPECT_TRUE(done->status.ok()) << done->status.to_string();
  EXPECT_EQ(numbers_of(*done).size(), 32U);
  EXPECT_EQ(*manager->state("embed-001"), TaskState::kCompleted);
  EXPECT_TRUE(manager->wait("embed-001")->result.has_value());  // as often as it is asked

  ASSERT_TRUE(manager->submit(task_called("bad", kSmallModel + "/none")).ok());
  EXPECT_EQ(manager->wait("bad")->status.code(), StatusCode::kNotFound);
  EXPECT_EQ(*manager->state("bad"), TaskState::kFailed);
  EXPECT_EQ(manager->counts().completed, 1U);
  EXPECT_EQ(manager->counts().failed, 1U);
  EXPECT_EQ(manager->counts().pending + manager->counts().running, 0U);
}

TEST_F(AccelerateTest, TasksThatCannotBeAreRefused) {
  const auto manager = make({.pending_max = 2, .finished_max = 1});
  EXPECT_EQ(manager->submit(task_called("")).code(), StatusCode::kInvalidArgument);
  ASSERT_TRUE(manager->submit(task_called("a")).ok());
  EXPECT_EQ(manager->submit(task_called("a")).code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(manager->state("b").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(manager->wait("b").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(manager->cancel("b").code(), StatusCode::kNotFound);
  ASSERT_TRUE(manager->wait("a").ok());
  EXPECT_EQ(manager->cancel("a").code(), StatusCode::kFailedPrecondition);
  ASSERT_TRUE(manager->submit(task_called("c")).ok());
  ASSERT_TRUE(manager->wait("c").ok());
  EXPECT_EQ(manager->wait("a").status().code(), StatusCode::kNotFound);  // forgotten
  EXPECT_EQ(AccelerateManager::create(*engine_, {.running_max = 0}).status().code(),
            StatusCode::kInvalidArgument);
}

TEST_F(AccelerateTest, AFullQueueRefusesAndWhatWaitsCanBeCancelled) {
  std::vector<TaskInput> many(600, TaskInput{.text = "a text of some words, again and again"});
  const auto manager = make({.use_accelerate = false, .pending_max = 2});
  ASSERT_TRUE(manager->submit({.id = "long", .model = kSmallModel, .data = many}).ok());
  EXPECT_EQ(manager->wait("long", 0).status().code(), StatusCode::kDeadlineExceeded);
  while (*manager->state("long") == TaskState::kPending) std::this_thread::yield();
  ASSERT_TRUE(manager->submit(task_called("low")).ok());
  ASSERT_TRUE(manager->submit(task_called("high", kSmallModel, 5)).ok());
  EXPECT_EQ(manager->submit(task_called("more")).code(), StatusCode::kResourceExhausted);
  ASSERT_TRUE(manager->cancel("low").ok());
  EXPECT_EQ(manager->wait("low")->status.code(), StatusCode::kCancelled);
  EXPECT_EQ(*manager->state("low"), TaskState::kCancelled);
  EXPECT_TRUE(manager->wait("high")->status.ok());
  EXPECT_EQ(*manager->state("long"), TaskState::kCompleted);
}

}  // namespace
}  // namespace accel
