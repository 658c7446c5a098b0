#include "cli/json_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "base/json.h"

namespace accel::cli {
namespace {

using ::testing::HasSubstr;

constexpr std::array<std::string_view, 1> kReserved{"index"};

Result<JsonRecord> read(std::string_view line) { return read_json_record(line, "text", kReserved); }

std::string refusal(std::string_view line) {
  const auto record = read(line);
  EXPECT_FALSE(record.ok()) << line;
  return record.status().message();
}

TEST(JsonRecord, TakesTheTextAndCarriesTheRestAsWritten) {
  const auto record = read(
      R"( { "id" : 12345678901234567890 , "text":"a \"b\"\n\u00e9\ud83d\ude00" ,"x":[1e3,{}]} )");
  ASSERT_TRUE(record.ok()) << record.status().message();
  EXPECT_EQ(record->text, "a \"b\"\né😀");
  EXPECT_EQ(record->carried, R"("id" : 12345678901234567890,"x":[1e3,{}])");
  EXPECT_EQ(record->replaced, 0u);
}

TEST(JsonRecord, NamesAreComparedUnescaped) {
  const auto record = read(R"({"\u0074ext":"found"})");
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->text, "found");
  EXPECT_EQ(record->carried, "");
  EXPECT_THAT(refusal(R"({"text":"a","\u0069ndex":1})"), HasSubstr("\"index\" would collide"));
}

TEST(JsonRecord, HalfASurrogatePairIsReplacedAndCounted) {
  const auto record = read(R"({"text":"\ud83d \ude00 \ud83d\u0041","k":"\ud800"})");
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->text, "\uFFFD \uFFFD \uFFFDA");
  EXPECT_EQ(record->replaced, 3u);
  EXPECT_EQ(record->carried, R"("k":"\ud800")");
}

TEST(JsonRecord, SaysWhatWasExpectedAndWhere) {
  EXPECT_THAT(refusal("[1]"), HasSubstr("expected a JSON object at byte 0, found \"[\""));
  EXPECT_THAT(refusal("{\"a\":1}"), HasSubstr("expected a field \"text\" with the text"));
  EXPECT_THAT(refusal("{\"text\":7}"), HasSubstr("a string as the value of \"text\" at byte 8"));
  EXPECT_THAT(refusal(R"({"text":"a","text":"b"})"), HasSubstr("once, found it again"));
  EXPECT_THAT(refusal(R"({"text":"a"} x)"), HasSubstr("the end of the line after the object"));
  EXPECT_THAT(refusal(R"({"text":"a)"), HasSubstr("the end of a string at byte 10"));
  EXPECT_THAT(refusal("{\"text\":\"a\tb\"}"), HasSubstr("the end of a string at byte 10"));
  EXPECT_THAT(refusal(R"({"text":"\q"})"), HasSubstr("after a backslash"));
  EXPECT_THAT(refusal(R"({"text":"\u12g4"})"), HasSubstr("four hexadecimal digits"));
  EXPECT_THAT(refusal(R"({"text":"a","n":01})"), HasSubstr("',' or '}' at byte 17"));
  EXPECT_THAT(refusal(""), HasSubstr("found the end of the line"));
  EXPECT_EQ(*read("{\"x\":1,}").status().offset(), 7u);
}

TEST(JsonRecord, NestingIsBounded) {
  const auto nested = [](int levels) {
    return R"({"text":"a","n":)" + std::string(levels, '[') + std::string(levels, ']') + "}";
  };
  EXPECT_TRUE(read(nested(kJsonDepthMax)).ok());
  EXPECT_THAT(refusal(nested(kJsonDepthMax + 1)), HasSubstr("at most 64 levels"));
  EXPECT_FALSE(read(R"({"n":)" + std::string(1'000'000, '[')).ok());
}

// Everything that JSON allows, judged by another parser.
TEST(JsonRecord, AgreesWithAnotherParser) {
  for (const char* value : {"0",          "-0",       "-",
                            "1.",         ".5",       "1.5e+3",
                            "1e",         "1E-2",     "+1",
                            "00",         "true",     "tru",
                            "null",       "nul",      "[]",
                            "[,]",        "[1,]",     "[1,2]",
                            "{}",         "{\"a\"}",  "{\"a\":}",
                            "{\"a\":1,}", "\"\\/\"",  "\"\\u00\"",
                            "NaN",        "'a'",      "{\"a\":{\"b\":[]}}",
                            "1 2",        "\"\x01\"", "\"\x7f\""}) {
    const std::string line = std::string(R"({"text":"t","v":)") + value + "}";
    EXPECT_EQ(read(line).ok(), Json::accept(line)) << line;
  }
}

TEST(JsonString, AnyTextInOneLine) {
  const auto text = read_json_string(R"( "line\nfeed" )");
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(text->text, "line\nfeed");
  EXPECT_FALSE(read_json_string("\"a\" b").ok());
  EXPECT_FALSE(read_json_string("plain").ok());
}

}  // namespace
}  // namespace accel::cli
