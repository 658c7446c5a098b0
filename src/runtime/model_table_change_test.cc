// What happens to names, models and leases when a table changes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "runtime/model_table.h"
#include "runtime/model_table_fixture.h"

namespace accel::runtime {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class TableChange : public Table {
 protected:
  int64_t bytes_of(const std::string& name) {
    const auto lease = table_->acquire(name);
    return lease.ok() ? static_cast<Presence*>(lease->model.get())->bytes() : -1;
  }
  // For several threads at a time: it does not count its loads.
  static Loadable uncounted(const std::string& name, int64_t bytes) {
    return {
        .name = name,
        .estimate = [bytes] { return Result<uint64_t>(static_cast<uint64_t>(bytes)); },
        .load =
            [bytes] { return Result<std::shared_ptr<Model>>(std::make_shared<Presence>(bytes)); }};
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const ManagedModel& model : table_->models()) names.push_back(model.name);
    return names;
  }
};

TEST_F(TableChange, ALoadedModelIsReplacedByOneThatIsLoaded) {
  make({});
  define("a", 10);
  auto former = table_->acquire("a");
  ASSERT_TRUE(table_->change({.define = {loadable("a", 20)}}).ok());
  EXPECT_EQ(live_bytes, 30);  // the former one is leased
  EXPECT_EQ(loads_["a"], 2);
  EXPECT_EQ(bytes_of("a"), 20);
  EXPECT_EQ(loads_["a"], 2);
  EXPECT_EQ(static_cast<Presence*>(former->model.get())->bytes(), 10);
  EXPECT_EQ(table_->models()[0].leases, 0);
  EXPECT_EQ(table_->models()[0].loads, 2);
  former = not_found("gone");
  EXPECT_EQ(live_bytes, 20);
  EXPECT_EQ(table_->events(0).back().reason, "retired");
}

TEST_F(TableChange, WhatIsNotLoadedIsLoadedByWhoeverAsks) {
  make({});
  define("a", 10);
  ASSERT_TRUE(table_->change({.define = {loadable("a", 20), loadable("b", 1)}}).ok());
  EXPECT_EQ(live_bytes, 0);
  EXPECT_EQ(bytes_of("a"), 20);
  ASSERT_TRUE(table_->change({.define = {loadable("c", 2)}, .load_new = true}).ok());
  EXPECT_EQ(live_bytes, 22);
}

TEST_F(TableChange, RemovedModelsEndWithTheirLastLease) {
  make({});
  define("a", 10);
  define("b", 1);
  auto lease = table_->acquire("a");
  ASSERT_TRUE(table_->change({.define = {}, .remove = {"a"}}).ok());
  EXPECT_EQ(table_->acquire("a").status().code(), StatusCode::kNotFound);
  EXPECT_THAT(names(), ElementsAre("b"));
  EXPECT_EQ(live_bytes, 10);
  lease = not_found("gone");
  EXPECT_EQ(live_bytes, 0);
  define("a", 3);  // the name is free again
  EXPECT_EQ(bytes_of("a"), 3);
}

TEST_F(TableChange, ThatFailsLeavesEverythingAsItWas) {
  make({});
  define("a", 10);
  ASSERT_TRUE(table_->acquire("a").ok());
  ASSERT_TRUE(table_->alias("x", "a").ok());
  Loadable broken = loadable("b", 5);
  broken.load = [] { return Result<std::shared_ptr<Model>>(data_loss("half a file")); };
  const Status failed =
      table_->change({.define = {loadable("a", 20), broken}, .unalias = {"x"}, .load_new = true});
  EXPECT_THAT(failed.message(), HasSubstr("b: half a file"));
  EXPECT_EQ(live_bytes, 10);
  EXPECT_EQ(bytes_of("x"), 10);
  EXPECT_THAT(names(), ElementsAre("a"));
  const auto refuse = [&](const TableChanges& changes) { return table_->change(changes).code(); };
  EXPECT_EQ(refuse({.define = {}, .remove = {"none"}}), StatusCode::kNotFound);
  EXPECT_EQ(refuse({.define = {}, .remove = {"a"}}),
            StatusCode::kNotFound);  // x would lead nowhere
  EXPECT_EQ(refuse({.define = {loadable("x", 1)}}), StatusCode::kInvalidArgument);
  EXPECT_EQ(refuse({.define = {loadable("c", 1), loadable("c", 2)}}), StatusCode::kInvalidArgument);
  EXPECT_EQ(
      refuse({.define = {loadable("a", 20)}, .prepare = [](Model&) { return unavailable("no"); }}),
      StatusCode::kUnavailable);
  EXPECT_EQ(live_bytes, 10);
  EXPECT_EQ(bytes_of("x"), 10);
}

TEST_F(TableChange, AliasesMoveTogetherWithTheModels) {
  make({});
  define("a", 10);
  ASSERT_TRUE(table_->alias("x", "a").ok());
  ASSERT_TRUE(
      table_
          ->change(
              {.define = {loadable("b", 20)}, .remove = {"a"}, .alias = {{"x", "b"}, {"y", "b:1"}}})
          .ok());
  EXPECT_EQ(bytes_of("x"), 20);
  EXPECT_EQ(bytes_of("y"), 20);
  ASSERT_TRUE(table_->change({.define = {}, .unalias = {"x", "y"}}).ok());
  EXPECT_TRUE(table_->aliases().empty());
}

TEST_F(TableChange, NeedsRoomBesideTheFormerOne) {
  make({.memory_bytes_max = 100});
  define("a", 60);
  define("idle", 20);
  ASSERT_TRUE(table_->acquire("a").ok());
  ASSERT_TRUE(table_->acquire("idle").ok());
  auto lease = table_->acquire("a");
  EXPECT_EQ(table_->change({.define = {loadable("a", 61)}}).code(), StatusCode::kResourceExhausted);
  ASSERT_TRUE(table_->change({.define = {loadable("a", 40)}}).ok());  // idle made room
  EXPECT_EQ(live_bytes, 100);
  // What has no name counts as long as it is leased.
  EXPECT_EQ(table_->acquire("idle").status().code(), StatusCode::kOk);
  EXPECT_EQ(state("a"), ModelState::kUnloaded);
  lease = not_found("gone");
  EXPECT_TRUE(table_->acquire("a").ok());
}

TEST_F(TableChange, WhoLoadsTheFormerOneHasItAndWhoWaitsGetsTheNew) {
  make({});
  std::promise<void> began;
  std::promise<void> go;
  Loadable slow = loadable("a", 10);
  slow.load = [&, load = slow.load] {
    began.set_value();
    go.get_future().wait();
    return load();
  };
  ASSERT_TRUE(table_->define(slow).ok());
  auto loading = std::async(std::launch::async, [&] { return table_->acquire("a"); });
  began.get_future().wait();
  ASSERT_TRUE(table_->change({.define = {loadable("a", 20)}}).ok());
  EXPECT_EQ(bytes_of("a"), 20);
  go.set_value();
  {
    const auto lease = loading.get();
    ASSERT_TRUE(lease.ok());
    EXPECT_EQ(static_cast<Presence*>(lease->model.get())->bytes(), 10);
  }
  EXPECT_EQ(live_bytes, 20);
}

TEST_F(TableChange, NobodyIsRefusedWhileAModelIsReplacedAgainAndAgain) {
  make({.memory_bytes_max = 1000});
  define("stays", 10);
  ASSERT_TRUE(table_->acquire("stays").ok());
  std::atomic<bool> over = false;
  std::atomic<int> failures = 0;
  std::vector<std::jthread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      while (!over) {
        const auto at_once = table_->acquire_loaded("stays");
        if (!at_once.ok() || !*at_once || !table_->acquire("stays").ok()) ++failures;
        (void)table_->acquire("other");  // there, or not
        (void)table_->models();
      }
    });
  }
  for (int i = 0; i < 200; ++i) {
    TableChanges changes{.define = {uncounted("stays", 10 + i)}};
    if (i % 2 == 0) changes.define.push_back(uncounted("other", 5));
    if (i % 2 == 1) changes.remove = {"other"};
    ASSERT_EQ(table_->change(changes).to_string(), "OK");
  }
  over = true;
  clients.clear();
  EXPECT_EQ(failures, 0);
  ASSERT_TRUE(table_->unload("stays").ok());
  EXPECT_EQ(live_bytes, 0);
}

}  // namespace
}  // namespace accel::runtime
