#include "cli/practices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace accel::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

PracticeFacts exemplary() {
  return {.file = "config/backend.yaml",
          .fallback = true,
          .device = "AUTO",
          .precision = "auto",
          .devices = {{.name = "CPU", .kind = "cpu", .precisions = {Precision::kF32}},
                      {.name = "GPU", .kind = "gpu", .precisions = {Precision::kF16}}},
          .engine = "2026.4",
          .remembered = {{.kind = "tuning", .engine = "2026.4", .this_cpu = true}},
          .models = {{.name = "m", .converted = true, .source = true}}};
}

std::vector<std::string> missed(const PracticeFacts& facts) {
  std::vector<std::string> names;
  for (const Practice& practice : practices(facts)) {
    EXPECT_EQ(practice.kept, practice.advice.empty()) << practice.name;
    EXPECT_FALSE(practice.found.empty());
    if (!practice.kept) names.push_back(practice.name);
  }
  return names;
}

// row 175
TEST(Practices, EachIsCheckedForItself) {
  EXPECT_THAT(missed(exemplary()), IsEmpty());
  PracticeFacts facts = exemplary();
  facts.remembered[0].engine = "2025.1";
  EXPECT_THAT(missed(facts), ElementsAre("measure"));
  facts.remembered[0].this_cpu = false;
  EXPECT_THAT(missed(facts), ElementsAre("one model first", "measure"));
  facts = exemplary();
  facts.fallback = false;
  EXPECT_THAT(missed(facts), ElementsAre("keep the fallback"));
  facts = exemplary();
  facts.device = "CPU";
  EXPECT_THAT(missed(facts), ElementsAre("device AUTO"));
  facts.precision = "f32";
  EXPECT_THAT(missed(facts), ElementsAre("device AUTO", "fastest precision"));
  facts = exemplary();
  facts.file = "";
  EXPECT_THAT(missed(facts), ElementsAre("options in a file"));
  facts = exemplary();
  facts.models[0].source = false;
  EXPECT_THAT(missed(facts), ElementsAre("keep sources"));
}

TEST(Practices, AloneTheCpuIsWhatAutoWouldBe) {
  PracticeFacts facts = exemplary();
  facts.devices.pop_back();
  facts.device = "CPU";
  facts.precision = "f32";
  EXPECT_THAT(missed(facts), IsEmpty());
}

TEST(Practices, AFileThatCannotBeReadIsNamed) {
  PracticeFacts facts = exemplary();
  facts.file_fault = "accel.yaml:3: unknown key 'devise'";
  EXPECT_THAT(practices(facts)[5].found, HasSubstr("accel.yaml:3"));
}

}  // namespace
}  // namespace accel::cli
