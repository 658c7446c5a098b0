#include "config/command_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::config {
namespace {

using ::testing::HasSubstr;

TEST(CommandText, IsReadAsWordsOrAsOneText) {
  const auto commands = parse_commands(
      R"({".h5": "h5-to-onnx {input} {output}", ".b": ["b c", "-i={input}", "{output}"]})");
  ASSERT_TRUE(commands.ok()) << commands.status().message();
  ASSERT_EQ(commands->size(), 2U);
  EXPECT_EQ((*commands)[0].words.front(), "b c");
  EXPECT_EQ(to_text(*commands),
            R"({".b":["b c","-i={input}","{output}"],".h5":["h5-to-onnx","{input}","{output}"]})");
  EXPECT_EQ(to_text(*parse_commands(to_text(*commands))), to_text(*commands));
}

TEST(CommandText, RefusesWhatCannotBeRun) {
  const auto message = [](const char* json) {
    const auto commands = parse_commands(json);
    return commands.ok() ? std::string() : commands.status().message();
  };
  EXPECT_THAT(message(R"({"h5": "a {input} {output}"})"), HasSubstr("suffix"));
  EXPECT_THAT(message(R"({".": "a {input} {output}"})"), HasSubstr("suffix"));
  EXPECT_THAT(message(R"({".h5": "a {input}"})"), HasSubstr("{output}"));
  EXPECT_THAT(message(R"({".h5": []})"), HasSubstr("{input}"));
  EXPECT_THAT(message(R"({".h5": [1]})"), HasSubstr("list of words"));
  EXPECT_THAT(message(R"([1])"), HasSubstr("mapping"));
}

TEST(CommandText, PutsPathsInAsTheyAre) {
  EXPECT_EQ(filled("--in={input}:{output}{input", "a {output}", "b"), "--in=a {output}:b{input");
}

}  // namespace
}  // namespace accel::config
