#include "cli/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// One of each kind.
struct Given {
  std::string model;
  std::vector<std::string> texts;
  std::string input = "-";
  std::string format = "jsonl";
  int64_t streams = 3;
  bool strict = false;
};

Status parse(const Arguments& arguments, Given& given, size_t least = 0) {
  Flags flags("embed", "texts to embeddings");
  flags.argument("MODEL", &given.model, "a model folder");
  flags.arguments("TEXT", &given.texts, least, "texts");
  flags.text("--input", "FILE", &given.input, "lines");
  flags.choice("--format", &given.format, {"jsonl", "csv"}, "of the output");
  flags.number("--streams", &given.streams, "at once");
  flags.flag("--strict", &given.strict, "no mercy");
  return flags.parse(arguments).status();
}

std::string refusal(const Arguments& arguments, size_t least = 0) {
  Given given;
  const Status status = parse(arguments, given, least);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  return status.message();
}

TEST(Flags, EachKind) {
  Given given;
  ASSERT_TRUE(
      parse({"m", "--format=csv", "a", "--streams", "0", "--strict", "b", "--input", "-x"}, given)
          .ok());
  EXPECT_EQ(given.model, "m");
  EXPECT_THAT(given.texts, ElementsAre("a", "b"));
  EXPECT_EQ(given.format, "csv");
  EXPECT_EQ(given.streams, 0);
  EXPECT_EQ(given.input, "-x");
  EXPECT_TRUE(given.strict);
}

TEST(Flags, DefaultsStay) {
  Given given;
  ASSERT_TRUE(parse({"m"}, given).ok());
  EXPECT_THAT(given.texts, IsEmpty());
  EXPECT_EQ(given.input, "-");
  EXPECT_EQ(given.streams, 3);
  EXPECT_FALSE(given.strict);
}

TEST(Flags, TextsComeThroughUntouched) {
  Given given;
  ASSERT_TRUE(
      parse({"m", "[a,b]", "{}", "", "-5 degrees", "%%", "-", "--", "--strict", "-x"}, given).ok());
  EXPECT_THAT(given.texts,
              ElementsAre("[a,b]", "{}", "", "-5 degrees", "%%", "-", "--strict", "-x"));
  EXPECT_FALSE(given.strict);
}

TEST(Flags, RefusalsSayWhatToDo) {
  EXPECT_THAT(refusal({"m", "--fromat", "csv"}),
              HasSubstr("unknown flag '--fromat'; did you mean --format?"));
  EXPECT_THAT(refusal({"m", "--wrong=1"}), HasSubstr("put -- before a TEXT"));
  EXPECT_THAT(refusal({"m", "--format", "xml"}),
              HasSubstr("--format: expected one of jsonl, csv, found 'xml'"));
  EXPECT_THAT(refusal({"m", "--streams", "-1"}), HasSubstr("a whole number from 0 on, found '-1'"));
  EXPECT_THAT(refusal({"m", "--streams", "9999999999999999999"}), HasSubstr("whole number"));
  EXPECT_THAT(refusal({"m", "--streams", "2x"}), HasSubstr("whole number"));
  EXPECT_THAT(refusal({"m", "--input"}), HasSubstr("--input"));
  EXPECT_THAT(refusal({"m", "--strict=7"}), HasSubstr("--strict takes no value"));
  EXPECT_THAT(refusal({}), HasSubstr("expected MODEL: a model folder; see accel embed --help"));
  EXPECT_THAT(refusal({"m", "a"}, 2), HasSubstr("at least 2 of TEXT, found 1"));
}

TEST(Flags, HelpHasEverything) {
  Flags flags("embed", "texts to embeddings");
  std::string format;
  flags.choice("--format", &format, {"jsonl", "csv"}, "of the output");
  flags.example("accel embed m text");
  EXPECT_EQ(flags.help(), "accel embed: texts to embeddings\n\nusage: accel embed [FLAGS]\n\n"
                          "  --format jsonl|csv  of the output\n"
                          "  --help              this text\n"
                          "\nexamples:\n  accel embed m text\n");
}

}  // namespace
}  // namespace accel::cli
