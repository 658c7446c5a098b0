// The manager with models of this engine.
#include "engine/local_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "accel/model_manager.h"
#include "hardware/limits.h"
#include "models/tiny_bert.h"

// There when the program is built with a sanitizer.
extern "C" [[gnu::weak]] void __asan_init();  // NOLINT: the sanitizer's name
extern "C" [[gnu::weak]] void __tsan_init();  // NOLINT: likewise

namespace accel {
namespace {

using testing::HasSubstr;

const std::string kModel = std::string(ACCEL_TEST_DATA) + "/bert-feature";

class ModelManagerTest : public testing::Test {
 protected:
  std::unique_ptr<ModelManager> make(const ManagerOptions& options = {}) {
    auto manager = ModelManager::create(*engine_, options);
    if (!manager.ok()) ADD_FAILURE() << manager.status().to_string();
    return std::move(*manager);
  }

  const models::ScratchFolder cache_;
  const std::unique_ptr<Engine> engine_ =
      *Engine::create({.cache_dir = cache_.path().string(), .probe = false});
};

// row 4
TEST_F(ModelManagerTest, TheSecondTimeItIsThereAtOnceAndInTheSameMemory) {
  const auto manager = make();
  ASSERT_TRUE(manager->define({.name = "bert", .load = {.path = kModel}}).ok());
  const auto first = manager->acquire("bert");
  ASSERT_TRUE(first.ok()) << first.status().to_string();
  EXPECT_FALSE(first->already_loaded);
  ASSERT_TRUE((*first)->embed({"a text"}).ok());
  double least_ms = 1e9;
  for (int i = 0; i < 20; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const auto again = manager->acquire("bert");
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    least_ms = std::min(least_ms, took.count());
    ASSERT_TRUE(again.ok());
    EXPECT_TRUE(again->already_loaded);
    EXPECT_EQ(again->model, first->model);
  }
  EXPECT_LT(least_ms, 1);
}

// row 5
TEST_F(ModelManagerTest, UnloadingAHundredTimesLeavesTheMemoryOfTheFirst) {
  if (&__asan_init != nullptr || &__tsan_init != nullptr) {
    GTEST_SKIP() << "sanitizers keep what is freed";
  }
  const auto manager = make();
  ASSERT_TRUE(manager->define({.name = "bert", .load = {.path = kModel}}).ok());
  uint64_t after_first = 0;
  uint64_t resident = 0;
  for (int round = 0; round < 100; ++round) {
    {
      const auto lease = manager->acquire("bert");
      ASSERT_TRUE(lease.ok()) << lease.status().to_string();
      EXPECT_FALSE(lease->already_loaded);
      ASSERT_TRUE((*lease)->embed({"a text", "another"}).ok());
    }
    ASSERT_TRUE(manager->unload("bert").ok());
    EXPECT_EQ(manager->models()[0].memory_bytes, 0);
    resident = hardware::read_memory_use().resident_bytes;
    if (round == 0) after_first = resident;
  }
  EXPECT_LE(static_cast<double>(resident), 1.05 * static_cast<double>(after_first));
}

// row 152
TEST_F(ModelManagerTest, OneManagerServesModelsOnDifferentBackends) {
  const auto manager = make();
  ASSERT_TRUE(manager->define({.name = "fast", .load = {.path = kModel}}).ok());
  ASSERT_TRUE(
      manager->define({.name = "plain", .load = {.path = kModel, .backend = "reference"}}).ok());
  const auto fast = manager->acquire("fast");
  const auto plain = manager->acquire("plain");
  ASSERT_TRUE(fast.ok() && plain.ok());
  const auto a = (*fast)->embed({"a text"});
  const auto b = (*plain)->embed({"a text"});
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(a->report.backend, "openvino");
  EXPECT_EQ(b->report.backend, "reference");
  for (size_t i = 0; i < a->embeddings.data<float>().size(); ++i) {
    EXPECT_NEAR(a->embeddings.data<float>()[i], b->embeddings.data<float>()[i], 1e-5);
  }
}

// row 149
TEST_F(ModelManagerTest, ReuseAndEvictionAreTheSameWithEitherBackend) {
  std::vector<std::vector<std::string>> told;
  for (const char* backend : {"openvino", "reference"}) {
    const auto manager = make({.models_max = 2});
    for (const char* name : {"a", "b", "c"}) {
      ASSERT_TRUE(
          manager->define({.name = name, .load = {.path = kModel, .backend = backend}}).ok());
    }
    std::vector<bool> reused;
    for (const char* name : {"a", "b", "a", "c", "a", "b"}) {
      const auto lease = manager->acquire(name);
      ASSERT_TRUE(lease.ok()) << lease.status().to_string();
      EXPECT_EQ((*lease)->embed({"a text"})->report.backend, backend);
      reused.push_back(lease->already_loaded);
    }
    EXPECT_EQ(reused, (std::vector<bool>{false, false, true, false, true, false}));
    std::vector<std::string>& events = told.emplace_back();
    for (const ModelEvent& event : manager->events()) {
      events.push_back(event.name + " " + std::string(to_string(event.state)) + event.reason);
    }
    EXPECT_EQ(std::ranges::count(events, "b unloadedevicted"), 1);
    EXPECT_EQ(std::ranges::count(events, "c unloadedevicted"), 1);
  }
  EXPECT_EQ(told[0], told[1]);
}

// row 13 (partial: a profile file)
TEST_F(ModelManagerTest, AModelAboveItsBoundIsRefusedBeforeItIsLoaded) {
  const auto manager = make();
  const auto report = engine_->describe(kModel);
  const uint64_t needed = engine::memory_needed(*report, Precision::kF32);
  EXPECT_EQ(needed, report->parameters * 4);
  EXPECT_EQ(engine::memory_needed(*report, Precision::kBF16), report->parameters * 2);
  ModelReport packed = *report;
  packed.weights_dtype = "i8+f32";
  EXPECT_EQ(engine::memory_needed(packed, Precision::kF32), packed.bytes_on_disk);
  packed.unpacked_tensors = 1;
  EXPECT_EQ(engine::memory_needed(packed, Precision::kF32), needed);
  ASSERT_TRUE(manager
                  ->define({.name = "tight",
                            .load = {.path = kModel, .precision = Precision::kF32},
                            .memory_bytes_max = needed - 1})
                  .ok());
  ASSERT_TRUE(manager
                  ->define({.name = "enough",
                            .load = {.path = kModel, .precision = Precision::kF32},
                            .memory_bytes_max = needed})
                  .ok());
  EXPECT_EQ(manager->acquire("tight").status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(manager->models()[1].loads, 0);
  EXPECT_TRUE(manager->acquire("enough").ok());
  EXPECT_EQ(manager->models()[0].memory_bytes, needed);
}

TEST_F(ModelManagerTest, AMissingModelIsNamedAndCoolsDown) {
  const auto manager = make();
  ASSERT_TRUE(manager->define({.name = "gone", .load = {.path = "/no/such/folder"}}).ok());
  EXPECT_THAT(manager->acquire("gone").status().message(), HasSubstr("/no/such/folder"));
  EXPECT_THAT(manager->acquire("gone").status().message(), HasSubstr("tried again in"));
}

TEST_F(ModelManagerTest, RefusesOptionsOutOfRange) {
  EXPECT_FALSE(ModelManager::create(*engine_, {.loads_max = 0}).ok());
  EXPECT_FALSE(ModelManager::create(*engine_, {.idle_seconds_max = -1}).ok());
}

}  // namespace
}  // namespace accel
