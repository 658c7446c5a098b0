#include "runtime/model_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <random>

#include "runtime/model_table_fixture.h"

namespace accel::runtime {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

// row 4 (partial: a fake; ModelManagerTest has the engine's)
TEST_F(Table, TheSecondTimeItIsThere) {
  make({});
  define("a", 10);
  EXPECT_EQ(state("a"), ModelState::kUnloaded);
  const auto first = table_->acquire("a");
  ASSERT_TRUE(first.ok());
  EXPECT_FALSE(first->already_loaded);
  const auto second = table_->acquire("a");
  EXPECT_TRUE(second->already_loaded);
  EXPECT_EQ(first->model, second->model);
  EXPECT_EQ(loads_["a"], 1);
  EXPECT_EQ(table_->models()[0].leases, 2);
}

TEST_F(Table, WhoeverWantsTheSameWaitsForOneLoad) {
  make({});
  std::promise<void> go;
  const auto gone = go.get_future().share();
  Loadable slow = loadable("a", 10);
  slow.load = [&, load = slow.load] {
    gone.wait();
    return load();
  };
  ASSERT_TRUE(table_->define(slow).ok());
  std::vector<std::future<Result<ModelLease>>> leases;
  for (int i = 0; i < 8; ++i) {
    leases.push_back(std::async(std::launch::async, [&] { return table_->acquire("a"); }));
  }
  go.set_value();
  for (auto& lease : leases) EXPECT_TRUE(lease.get().ok());
  EXPECT_EQ(loads_["a"], 1);
}

TEST_F(Table, ModelsThatNobodyHasMakeRoom) {
  make({.memory_bytes_max = 100});
  for (const char* name : {"a", "b", "c"}) define(name, 40);
  ASSERT_TRUE(table_->acquire("a").ok());
  now_ += 1s;
  ASSERT_TRUE(table_->acquire("b").ok());
  now_ += 1s;
  ASSERT_TRUE(table_->acquire("a").ok());  // so b is the one not used for longest
  ASSERT_TRUE(table_->acquire("c").ok());
  EXPECT_EQ(state("a"), ModelState::kLoaded);
  EXPECT_EQ(state("b"), ModelState::kUnloaded);
  EXPECT_EQ(live_bytes, 80);
  EXPECT_EQ(table_->models()[1].evictions, 1);
}

// row 13 (partial: the bound; precision and device are LoadOptions')
TEST_F(Table, RefusesBeforeAnythingIsAllocated) {
  make({.memory_bytes_max = 100});
  define("large", 101);
  define("a", 60);
  define("b", 60);
  Loadable bounded = loadable("bounded", 60);
  bounded.bytes_max = 59;
  ASSERT_TRUE(table_->define(bounded).ok());
  EXPECT_EQ(table_->acquire("large").status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(table_->acquire("bounded").status().code(), StatusCode::kResourceExhausted);
  auto lease = table_->acquire("a");
  const Status full = table_->acquire("b").status();
  EXPECT_EQ(full.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(full.message(), HasSubstr("a:1"));
  EXPECT_EQ(loads_.size(), 1);
  // Not b's fault: it comes as soon as there is room.
  lease = not_found("gone");
  EXPECT_TRUE(table_->acquire("b").ok());
}

TEST_F(Table, AFailureCoolsDownAndSinksNobodyElse) {
  make({.cooldown_seconds = 5});
  define("a", 10);
  define("b", 10);
  failure_ = data_loss("half a file");
  EXPECT_THAT(table_->acquire("a").status().message(), HasSubstr("half a file"));
  EXPECT_EQ(state("a"), ModelState::kFailed);
  EXPECT_EQ(live_bytes, 0);
  failure_ = {};
  const Status again = table_->acquire("a").status();
  EXPECT_EQ(again.code(), StatusCode::kDataLoss);
  EXPECT_THAT(again.message(), HasSubstr("tried again in 5.0 s: half a file"));
  EXPECT_EQ(loads_["a"], 1);
  EXPECT_TRUE(table_->acquire("b").ok());
  now_ += 5s;
  failure_ = data_loss("half a file");
  EXPECT_FALSE(table_->acquire("a").ok());
  EXPECT_EQ(table_->models()[0].retry_seconds, 10);  // twice as long
  now_ += 10s;
  failure_ = {};
  EXPECT_TRUE(table_->acquire("a").ok());
  EXPECT_EQ(table_->models()[0].failure.to_string(), "OK");
}

// row 1 (partial: with a fake model)
TEST_F(Table, UnloadingWaitsForTheLastLease) {
  make({});
  define("a", 10);
  EXPECT_EQ(table_->unload("a").code(), StatusCode::kFailedPrecondition);
  auto lease = table_->acquire("a");
  EXPECT_TRUE(table_->unload("a").ok());
  EXPECT_EQ(live_bytes, 10);
  EXPECT_EQ(table_->unload("a").code(), StatusCode::kFailedPrecondition);
  lease = not_found("gone");
  EXPECT_EQ(live_bytes, 0);
  EXPECT_EQ(state("a"), ModelState::kUnloaded);
  EXPECT_EQ(table_->unload("a").code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(table_->unload("a").message(), HasSubstr("not loaded"));
  // Whoever wants it again before the last lease ends, keeps it.
  lease = table_->acquire("a");
  EXPECT_TRUE(table_->unload("a").ok());
  const auto other = table_->acquire("a");
  EXPECT_TRUE(other->already_loaded);
  lease = not_found("gone");
  EXPECT_EQ(state("a"), ModelState::kLoaded);
}

TEST_F(Table, WhatIsUnusedGoesAndComesBack) {
  make({.idle_seconds_max = 3600});
  define("a", 10);
  define("pinned", 10);
  ASSERT_TRUE(table_->pin("pinned", true).ok());
  ASSERT_TRUE(table_->acquire("pinned").ok());
  auto lease = table_->acquire("a");
  now_ += 2h;
  EXPECT_EQ(table_->unload_unused(), 0);
  lease = not_found("gone");
  EXPECT_EQ(table_->unload_unused(), 0);  // used a moment ago
  now_ += 1h;
  EXPECT_EQ(table_->unload_unused(), 1);
  EXPECT_EQ(state("a"), ModelState::kUnloaded);
  EXPECT_EQ(state("pinned"), ModelState::kLoaded);
  EXPECT_TRUE(table_->acquire("a").ok());
  EXPECT_EQ(loads_["a"], 2);
}

TEST_F(Table, UnusedModelsGoByThemselves) {
  table_ = ModelTable::create({.idle_seconds_max = 0.02});
  define("a", 10);
  ASSERT_TRUE(table_->acquire("a").ok());
  while (state("a") != ModelState::kUnloaded) std::this_thread::yield();
  EXPECT_EQ(live_bytes, 0);
}

TEST_F(Table, VersionsAndAliases) {
  make({});
  define("a", 1, 1);
  define("a", 3, 3);
  define("ab", 9, 7);
  EXPECT_EQ(table_->define(loadable("a", 1, 3)).code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(table_->define(loadable("a:b", 1)).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(table_->define(loadable("a", 1, 0)).code(), StatusCode::kInvalidArgument);
  const auto bytes = [&](const std::string& name) -> int64_t {
    const auto lease = table_->acquire(name);
    return lease.ok() ? dynamic_cast<const Presence&>(**lease).bytes() : -1;
  };
  EXPECT_EQ(bytes("a"), 3);
  EXPECT_EQ(bytes("a:1"), 1);
  EXPECT_EQ(table_->acquire("a:2").status().code(), StatusCode::kNotFound);
  EXPECT_THAT(table_->acquire("b").status().message(), HasSubstr("a:1, a:3, ab:7"));
  EXPECT_EQ(table_->acquire("a:x").status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(table_->alias("stable", "a:1").ok());
  EXPECT_EQ(bytes("stable"), 1);
  ASSERT_TRUE(table_->alias("stable", "a").ok());
  EXPECT_EQ(bytes("stable"), 3);
  EXPECT_EQ(table_->alias("other", "none").code(), StatusCode::kNotFound);
  EXPECT_EQ(table_->alias("other", "stable").code(), StatusCode::kNotFound) << "of models alone";
  EXPECT_EQ(table_->alias("a", "ab").code(), StatusCode::kInvalidArgument);
}

TEST_F(Table, EveryChangeIsAnEvent) {
  make({.models_max = 1});
  define("a", 1);
  define("b", 1);
  ASSERT_TRUE(table_->acquire("a").ok());
  ASSERT_TRUE(table_->acquire("b").ok());
  std::vector<std::string> told;
  for (const ModelEvent& event : table_->events(0)) {
    told.push_back(event.name + " " + std::string(to_string(event.state)));
  }
  EXPECT_THAT(told, ElementsAre("a loading", "a loaded", "b loading", "a unloading", "a unloaded",
                                "b loaded"));
  EXPECT_EQ(table_->events(4).size(), 2);
  EXPECT_EQ(table_->events(0)[3].reason, "evicted");
}

TEST_F(Table, WhatIsTakenOutOfALeaseKeepsIt) {
  make({.memory_bytes_max = 10});
  define("a", 10);
  define("b", 10);
  auto lease = table_->acquire("a");
  std::shared_ptr<Model> model = lease->model;
  lease = not_found("gone");
  EXPECT_EQ(table_->acquire("b").status().code(), StatusCode::kResourceExhausted);
  model.reset();
  EXPECT_TRUE(table_->acquire("b").ok());
}

TEST_F(Table, LeasesOutliveTheTable) {
  make({.idle_seconds_max = 3600});
  define("a", 10);
  auto lease = table_->acquire("a");
  table_.reset();
  EXPECT_EQ(live_bytes, 10);
  lease = not_found("gone");
  EXPECT_EQ(live_bytes, 0);
}

// Many threads on few models that do not fit together: the bound holds at every moment, and
// everybody gets what they asked for or is told that there is no room.
TEST(TableUnderLoad, NeverHoldsMoreThanItMay) {
  constexpr int64_t kBound = 100;
  const auto table =
      ModelTable::create({.memory_bytes_max = kBound, .cooldown_seconds = 0, .loads_max = 3});
  std::atomic<int64_t> highest = 0;
  std::atomic<int> failing = 0;
  for (int i = 0; i < 6; ++i) {
    const int64_t bytes = 20 + 5 * i;
    ASSERT_TRUE(table
                    ->define({.name = std::to_string(i),
                              .estimate = [bytes] { return Result<uint64_t>(uint64_t(bytes)); },
                              .load = [&, bytes]() -> Result<std::shared_ptr<Model>> {
                                if (++failing % 17 == 0) return data_loss("now and then");
                                auto model = std::make_shared<Presence>(bytes);
                                int64_t seen = highest;
                                const int64_t now = live_bytes;
                                while (now > seen && !highest.compare_exchange_weak(seen, now)) {
                                }
                                return std::shared_ptr<Model>(std::move(model));
                              }})
                    .ok());
  }
  std::atomic<int> served = 0;
  std::vector<std::jthread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937 random(seed);
      for (int round = 0; round < 500; ++round) {
        const int i = static_cast<int>(random() % 6);
        const std::string name = std::to_string(i);
        if (random() % 8 == 0) {
          (void)table->unload(name);
          continue;
        }
        const auto lease = table->acquire(name);
        if (!lease.ok()) {
          EXPECT_THAT(lease.status().code(),
                      testing::AnyOf(StatusCode::kResourceExhausted, StatusCode::kDataLoss));
          continue;
        }
        EXPECT_EQ(dynamic_cast<const Presence&>(**lease).bytes(), 20 + 5 * i);
        ++served;
      }
    });
  }
  threads.clear();
  EXPECT_GT(served, 500);
  EXPECT_GT(highest, 0);
  EXPECT_LE(highest, kBound);
  uint64_t counted = 0;
  for (const ManagedModel& model : table->models()) counted += model.memory_bytes;
  EXPECT_EQ(static_cast<int64_t>(counted), live_bytes);
}

}  // namespace
}  // namespace accel::runtime
