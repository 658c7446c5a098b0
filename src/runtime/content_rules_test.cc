#include "runtime/content_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::runtime {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<ContentRule> rules_of(std::string_view text) {
  return parse_content_rules(text).value();
}

std::string complaint(std::string_view text) { return check_rules(rules_of(text)).message(); }

ContentFacts words(int64_t tokens) {
  return {.tokens = tokens, .bytes = tokens * 16, .modality = "text"};
}

const std::vector<DeviceMember> kTwoParts{{.name = "CPU", .threads = 1},
                                          {.name = "CPU", .threads = 1}};
const std::vector<DeviceMember> kGpuAndParts{
    {.name = "GPU", .weight = 2}, {.name = "CPU", .threads = 1}, {.name = "CPU", .threads = 3}};

TEST(ContentRules, TheFirstThatAnInputMeetsCounts) {
  const auto routed = routes_over(
      rules_of("tokens_below=32 device=CPU/1; tokens_from=32 device=GPU"), kGpuAndParts);
  const ContentRoutes& routes = routed.routes;
  EXPECT_THAT(routed.notices, IsEmpty());
  ASSERT_THAT(routes.masks, ElementsAre(kEveryMember, 0b010U, 0b001U));
  EXPECT_EQ(routes.route_of(words(5)), 1U);
  EXPECT_EQ(routes.route_of(words(31)), 1U);
  EXPECT_EQ(routes.route_of(words(32)), 2U);
  const auto images = routes_over(rules_of("modality=vision device=GPU"), kGpuAndParts).routes;
  EXPECT_EQ(images.route_of({.bytes = 600'000, .modality = "vision"}), 1U);
  EXPECT_EQ(images.route_of(words(5)), 0U) << "no rule: wherever there is room";
}

TEST(ContentRules, RowsAndBytesAreConditionsToo) {
  const auto routes =
      routes_over(rules_of("rows_from=3 device=GPU; bytes_below=100 device=CPU/1"), kGpuAndParts)
          .routes;
  EXPECT_EQ(routes.route_of({.tokens = 9, .rows = 3, .bytes = 50}), 1U);
  EXPECT_EQ(routes.route_of({.tokens = 9, .rows = 2, .bytes = 99}), 2U);
  EXPECT_EQ(routes.route_of({.tokens = 9, .rows = 2, .bytes = 100}), 0U);
}

TEST(ContentRules, NoRulesLeaveEverythingToTheRest) {
  const ContentRoutes none;
  EXPECT_FALSE(none.any());
  EXPECT_EQ(none.route_of(words(7)), 0U);
  EXPECT_EQ(none.masks[0], kEveryMember);
}

TEST(ContentRules, AMemberIsMeantByItsNameOrByItsPlace) {
  EXPECT_THAT(routes_over(rules_of("tokens_below=8 device=CPU/1#1; device=CPU/1#0"), kTwoParts)
                  .routes.masks,
              ElementsAre(kEveryMember, 0b10U, 0b01U));
  // Both of them are all there are: no restriction.
  EXPECT_THAT(routes_over(rules_of("device=CPU/1"), kTwoParts).routes.masks,
              ElementsAre(kEveryMember));
  EXPECT_EQ(member_name(kGpuAndParts, 0), "GPU#0");
  EXPECT_EQ(member_name({kGpuAndParts.data(), 1}, 0), "GPU");
}

TEST(ContentRules, RulesOfOneDeviceShareARoute) {
  const auto routes =
      routes_over(rules_of("tokens_below=8 device=GPU; tokens_from=90 device=GPU"), kGpuAndParts)
          .routes;
  EXPECT_EQ(routes.masks.size(), 2U);
  EXPECT_EQ(routes.route_of(words(2)), routes.route_of(words(99)));
}

TEST(ContentRules, ADeviceThatIsNotThereTakesNothingFromAnybody) {
  const auto routed = routes_over(rules_of("tokens_below=8 device=NPU; device=GPU"), kGpuAndParts);
  EXPECT_THAT(routed.notices, ElementsAre("rule 1: NPU is not used here; its inputs run anywhere"));
  EXPECT_EQ(routed.routes.masks[routed.routes.route_of(words(2))], kEveryMember);
  EXPECT_EQ(routed.routes.masks[routed.routes.route_of(words(9))], 0b001U);
}

TEST(ContentRules, WhatNoInputCanMeetIsRefused) {
  EXPECT_THAT(complaint("tokens_from=32 tokens_below=32 device=CPU"),
              HasSubstr("rule 1: no input has from 32 and below 32 tokens"));
  EXPECT_THAT(complaint("device=CPU; rows_from=9 rows_below=2 device=GPU"), HasSubstr("rule 2"));
  EXPECT_THAT(complaint("modality=smell device=CPU"), HasSubstr("found 'smell'"));
  EXPECT_THAT(check_rules(std::vector<ContentRule>{{.tokens = {.below = 3}}}).message(),
              HasSubstr("rule 1: expected a device"));
  EXPECT_THAT(
      check_rules(std::vector<ContentRule>{{.rows = {.from = -1}, .device = "CPU"}}).message(),
      HasSubstr("rows_from of at least 0"));
  EXPECT_THAT(complaint("tokens_from=2 tokens_below=1 device=CPU"),
              HasSubstr("[{tokens_below: 32, device: CPU/1}, {device: GPU}]"));
}

TEST(ContentRules, WhatOthersTakeBeforeIsRefused) {
  EXPECT_THAT(complaint("device=CPU; tokens_below=3 device=GPU"),
              HasSubstr("rule 2: 'tokens_below=3 device=GPU' is never reached"));
  // Two together leave nothing for a third.
  EXPECT_THAT(complaint("tokens_below=32 device=CPU; tokens_from=32 device=GPU; device=NPU"),
              HasSubstr("rule 3"));
  EXPECT_THAT(complaint("tokens_below=32 device=CPU; tokens_from=33 device=GPU; device=NPU"), "");
  EXPECT_THAT(complaint("modality=text device=CPU; modality=vision device=CPU; "
                        "modality=audio device=CPU; modality=multimodal device=CPU; device=GPU"),
              HasSubstr("rule 5"));
  EXPECT_THAT(complaint("tokens_below=32 rows_below=2 device=CPU; tokens_below=32 device=GPU"), "");
}

TEST(ContentRules, ThereAreNotTooMany) {
  std::vector<ContentRule> rules;
  for (int64_t i = 0; i < 16; ++i) {
    rules.push_back({.tokens = {i, i + 1}, .rows = {i, i + 1}, .bytes = {i, i + 1}, .device = "A"});
  }
  EXPECT_TRUE(check_rules(rules).ok());
  rules.push_back({.device = "B"});
  EXPECT_THAT(check_rules(rules).message(), HasSubstr("at most 16 rules, found 17"));
}

TEST(ContentRules, BelongToASetThatSharesTheWork) {
  const auto rules = rules_of("tokens_below=32 device=CPU/1#0; device=CPU/1#1");
  EXPECT_TRUE(check_rules_of(rules, "MULTI:CPU/1(2),CPU/1(1)").ok());
  EXPECT_TRUE(check_rules_of(rules, "MULTI").ok()) << "whatever is there";
  EXPECT_TRUE(check_rules_of({}, "CPU").ok());
  for (const char* device : {"CPU", "AUTO:CPU,GPU", "HETERO:GPU,CPU"}) {
    EXPECT_THAT(check_rules_of(rules, device).message(), HasSubstr("MULTI:CPU/1,GPU")) << device;
  }
  EXPECT_THAT(check_rules_of(rules, "MULTI:GPU,CPU/1").message(),
              HasSubstr("rule 1: expected a device of MULTI:GPU,CPU/1 (GPU#0, CPU/1#1), "
                        "found 'CPU/1#0'"));
}

TEST(ContentRules, FactsAreTakenFromARowAndFromTensors) {
  const Row text{{{"input_ids", Tensor::from<int64_t>({3}, std::vector<int64_t>{1, 2, 3})}}};
  const ContentFacts row = facts_of(text, 4);
  EXPECT_EQ(row.tokens, 3);
  EXPECT_EQ(row.rows, 4);
  EXPECT_EQ(row.bytes, 24);
  EXPECT_EQ(row.modality, "text");
  const NamedTensors batch{
      {"input_ids", Tensor::from<int64_t>({2, 3}, std::vector<int64_t>{1, 2, 3, 4, 5, 6})}};
  const ContentFacts call = facts_of(batch);
  EXPECT_EQ(call.tokens, 3);
  EXPECT_EQ(call.rows, 2);
  EXPECT_EQ(call.bytes, 48);
  const NamedTensors image{{"pixel_values", Tensor::allocate(DType::kF32, {1, 3, 2, 2})}};
  EXPECT_EQ(facts_of(image).modality, "vision");
  EXPECT_EQ(facts_of(image).tokens, 0);
}

}  // namespace
}  // namespace accel::runtime
