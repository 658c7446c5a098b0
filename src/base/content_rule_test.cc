#include "accel/content_rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel {
namespace {

using testing::HasSubstr;

std::string refusal(std::string_view text) {
  const auto rules = parse_content_rules(text);
  return rules.ok() ? "read as " + to_string(*rules) : rules.status().message();
}

TEST(ContentRuleText, IsReadAndWrittenInOneForm) {
  const auto rules = parse_content_rules(
      " tokens_below=32   device=CPU/1 ;modality=vision bytes_from=1000 device=GPU;"
      "rows_from=2 rows_below=9 device=CPU/1#0; device=CPU;");
  ASSERT_TRUE(rules.ok()) << rules.status().message();
  const std::vector<ContentRule> expected{
      {.tokens = {.below = 32}, .device = "CPU/1"},
      {.bytes = {.from = 1000}, .modality = "vision", .device = "GPU"},
      {.rows = {.from = 2, .below = 9}, .device = "CPU/1#0"},
      {.device = "CPU"}};
  EXPECT_EQ(*rules, expected);
  EXPECT_EQ(to_string(*rules),
            "tokens_below=32 device=CPU/1; bytes_from=1000 modality=vision device=GPU; "
            "rows_from=2 rows_below=9 device=CPU/1#0; device=CPU");
  EXPECT_EQ(parse_content_rules(to_string(*rules)).value(), expected);
  EXPECT_TRUE(parse_content_rules("").value().empty());
}

TEST(ContentRuleText, SaysWhatIsWrongAndTheRightForm) {
  EXPECT_THAT(refusal("tokens_bellow=3 device=CPU"), HasSubstr("did you mean tokens_below?"));
  EXPECT_THAT(refusal("tokens_below=3"), HasSubstr("a rule without a device"));
  EXPECT_THAT(refusal("tokens_below=many device=CPU"), HasSubstr("which is no whole number"));
  EXPECT_THAT(refusal("tokens_below=-1 device=CPU"), HasSubstr("which is no whole number"));
  EXPECT_THAT(refusal("device=CPU device=GPU"), HasSubstr("device twice"));
  EXPECT_THAT(refusal("tokens_below=1 tokens_below=2 device=GPU"), HasSubstr("tokens_below twice"));
  for (const char* text : {"CPU", "device=", "=3", ";", "device=CPU;;device=GPU"}) {
    EXPECT_THAT(refusal(text), HasSubstr("tokens_below=32 device=CPU/1; device=GPU")) << text;
  }
  EXPECT_THAT(refusal(std::string(5000, ' ')), HasSubstr("at most 4096 bytes"));
}

}  // namespace
}  // namespace accel
