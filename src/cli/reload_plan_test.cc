#include "cli/reload_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::cli {
namespace {

using enum ReloadKind;
using testing::ElementsAre;
using testing::IsEmpty;

ServedDefinition model(const std::string& name, const std::string& path) {
  return {.definition = {.name = name, .load = {.path = path}}};
}

const ServedSetup kBefore{.models = {model("a", "models/a"), model("b", "models/b")},
                          .aliases = {{"default", "a"}, {"x", "b"}},
                          .fixed = {{"cache_dir", ""}, {"models_max", "2"}}};

TEST(ReloadPlan, OfTheSameIsEmpty) {
  EXPECT_THAT(plan_reload(kBefore, kBefore), IsEmpty());
  EXPECT_EQ(told({}), "nothing has changed");
  ServedSetup other = kBefore;  // whence it comes is none of a model's settings
  other.models[0].argument = true;
  other.files = {{"elsewhere.yaml", ""}};
  std::ranges::reverse(other.models);
  EXPECT_THAT(plan_reload(kBefore, other), IsEmpty());
}

TEST(ReloadPlan, OfTheStartDefinesEverything) {
  const auto steps = plan_reload({}, kBefore);
  EXPECT_THAT(steps, ElementsAre(ReloadStep{kAdd, "a"}, ReloadStep{kAdd, "b"},
                                 ReloadStep{kAlias, "default"}, ReloadStep{kAlias, "x"}));
  const ModelChanges changes = changes_of(steps, kBefore);
  EXPECT_EQ(changes.define[1], kBefore.models[1].definition);
  EXPECT_EQ(changes.alias, kBefore.aliases);
}

TEST(ReloadPlan, NamesWhatIsNewChangedAndGone) {
  ServedSetup after = kBefore;
  after.models = {model("c", "models/c"), model("a", "models/a")};
  after.models[1].definition.load.device = "CPU/2";
  after.aliases = {{"default", "c"}, {"y", "a"}};
  after.fixed["models_max"] = "3";
  const auto steps = plan_reload(kBefore, after);
  EXPECT_THAT(
      steps, ElementsAre(ReloadStep{kAdd, "c"}, ReloadStep{kReplace, "a"}, ReloadStep{kRemove, "b"},
                         ReloadStep{kAlias, "default"}, ReloadStep{kAlias, "y"},
                         ReloadStep{kUnalias, "x"}, ReloadStep{kRestart, "models_max"}));
  EXPECT_EQ(told(steps), "new: c; changed: a; gone: b; aliases: default, y, x");
  EXPECT_EQ(told_of_restart(steps), "models_max: hold from the next start on");
  const ModelChanges changes = changes_of(steps, after);
  EXPECT_EQ(changes.define.size(), 2);
  EXPECT_THAT(changes.remove, ElementsAre("b"));
  EXPECT_THAT(changes.alias, ElementsAre(ModelAlias{"default", "c"}, ModelAlias{"y", "a"}));
  EXPECT_THAT(changes.unalias, ElementsAre("x"));
}

TEST(ReloadPlan, TellsVersionsOfAModelApart) {
  const auto version = [](int number) {
    ServedDefinition one = model("m", "models/m/" + std::to_string(number));
    one.definition.version = number;
    one.versioned = true;
    return one;
  };
  const ServedSetup before{.models = {version(1), version(2)}, .aliases = {}};
  const ServedSetup after{.models = {version(2), version(3)}, .aliases = {}};
  const auto steps = plan_reload(before, after);
  EXPECT_THAT(steps, ElementsAre(ReloadStep{kAdd, "m:3"}, ReloadStep{kRemove, "m:1"}));
  const ModelChanges changes = changes_of(steps, after);
  ASSERT_EQ(changes.define.size(), 1);
  EXPECT_EQ(changes.define[0].version, 3);
  EXPECT_THAT(changes.remove, ElementsAre("m:1"));
}

TEST(ReloadPlan, AnySettingOfAModelCounts) {
  const auto changed = [](auto change) {
    ServedSetup after = kBefore;
    change(after.models[0].definition);
    return plan_reload(kBefore, after) == std::vector{ReloadStep{kReplace, "a"}};
  };
  EXPECT_TRUE(changed([](ModelDefinition& one) { one.pinned = true; }));
  EXPECT_TRUE(changed([](ModelDefinition& one) { one.memory_bytes_max = 1; }));
  EXPECT_TRUE(changed([](ModelDefinition& one) { one.load.precision = Precision::kBF16; }));
  EXPECT_TRUE(changed([](ModelDefinition& one) { one.load.warm_up_texts = {"x"}; }));
  EXPECT_TRUE(changed([](ModelDefinition& one) { one.load.rules.emplace_back(); }));
}

TEST(ReloadPlan, OptionsOfTheProcessAreThoseThatNoModelHas) {
  const auto config = Config::read(
      {.settings = {{"models_max", "7"}, {"precision", "bf16"}}, .environment = false});
  const auto fixed = fixed_options(*config);
  EXPECT_EQ(fixed.at("models_max"), "7");
  EXPECT_TRUE(fixed.contains("cache_dir"));
  EXPECT_FALSE(fixed.contains("precision"));
}

}  // namespace
}  // namespace accel::cli
