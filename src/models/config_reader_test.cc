#include "models/config_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::models {
namespace {

using testing::HasSubstr;

Json json_of(std::string_view text) { return *parse_json(text); }

TEST(ConfigReader, ReadsEveryKindOfField) {
  const Json json = json_of(R"({"size": 384, "none": 0, "eps": 1e-5, "whole": 2, "text": "gelu",
                               "flag": true, "layers": 1024, "sizes": [5, 2], "side": 3})");
  ConfigReader in(json);
  EXPECT_EQ(in.size_or("size", 1), 384);
  EXPECT_EQ(in.count_or("none", 7), 0);
  EXPECT_EQ(in.number_or("eps", 0), 1e-5);
  EXPECT_EQ(in.number_or("whole", 0), 2.0);
  EXPECT_EQ(in.text_or("text", ""), "gelu");
  EXPECT_TRUE(in.flag_or("flag", false));
  EXPECT_EQ(in.layers_or("layers", 1), 1024);
  EXPECT_EQ(in.sizes_or("sizes", {1}), (std::vector<int64_t>{5, 2}));
  EXPECT_EQ(in.depths_or("sizes", {1}), (std::vector<int64_t>{5, 2}));
  EXPECT_EQ(in.extent_or("sizes", {1, 1}), (std::array<int64_t, 2>{5, 2}));
  EXPECT_EQ(in.extent_or("side", {1, 1}), (std::array<int64_t, 2>{3, 3}));
  EXPECT_TRUE(in.status().ok());
}

TEST(ConfigReader, ReadsListsAndObjects) {
  const Json json = json_of(R"({"numbers": [1, 2.5], "texts": ["a", "b"], "inner": {"n": 0},
                               "mixed": [1, "a"]})");
  ConfigReader in(json);
  EXPECT_THAT(in.numbers_or("numbers", {}), testing::ElementsAre(1.0, 2.5));
  EXPECT_THAT(in.texts_or("texts", {}), testing::ElementsAre("a", "b"));
  EXPECT_THAT(in.numbers_or("absent", {3}), testing::ElementsAre(3.0));
  EXPECT_EQ(in.object("absent"), nullptr);
  ASSERT_NE(in.object("inner"), nullptr);
  ConfigReader inner(*in.object("inner"));
  EXPECT_TRUE(in.status().ok());
  inner.size_or("n", 1);
  in.adopt("inner", inner);
  in.numbers_or("mixed", {});
  in.texts_or("mixed", {});
  in.object("mixed");
  for (const char* part : {"inner.n: expected an integer", "mixed: expected a list of numbers",
                           "mixed: expected a list of strings", "mixed: expected an object"}) {
    EXPECT_THAT(in.status().message(), HasSubstr(part));
  }
}

TEST(ConfigReader, AbsentAndNullGiveTheFallback) {
  const Json json = json_of(R"({"size": null, "eps": null, "text": null, "flag": null})");
  ConfigReader in(json);
  for (const char* name : {"size", "absent"}) {
    EXPECT_EQ(in.size_or(name, 12), 12);
    EXPECT_EQ(in.count_or(name, 0), 0);
    EXPECT_EQ(in.layers_or(name, 3), 3);
  }
  EXPECT_EQ(in.number_or("eps", 0.5), 0.5);
  EXPECT_EQ(in.text_or("text", "relu"), "relu");
  EXPECT_TRUE(in.flag_or("flag", true));
  in.expect("size", 3, "never");
  in.expect("absent", 3, "never");
  EXPECT_TRUE(in.status().ok());
}

TEST(ConfigReader, CollectsEveryProblemAndNamesItsField) {
  const Json json = json_of(R"({"size": "large", "count": -1, "eps": "small", "text": 3,
                               "flag": "yes", "decoder": true, "layers": 1025})");
  ConfigReader in(json);
  EXPECT_EQ(in.size_or("size", 5), 5);
  EXPECT_EQ(in.count_or("count", 6), 6);
  EXPECT_EQ(in.number_or("eps", 0.5), 0.5);
  EXPECT_EQ(in.text_or("text", "x"), "x");
  EXPECT_TRUE(in.flag_or("flag", true));
  EXPECT_EQ(in.layers_or("layers", 7), 7);
  in.expect("decoder", false, "only encoders are built");
  in.problem("sizes contradict");
  const Status status = in.status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  for (const char* part :
       {"size: expected an integer from 1 to 2147483648, found \"large\"",
        "count: expected an integer from 0 to 2147483648, found -1",
        "eps: expected a number, found \"small\"", "text: expected a string, found 3",
        "flag: expected true or false, found \"yes\"",
        "layers: expected an integer from 1 to 1024, found 1025",
        "decoder: expected false (only encoders are built), found true", "sizes contradict"}) {
    EXPECT_THAT(status.message(), HasSubstr(part));
  }
}

TEST(ConfigReader, SizesAreBounded) {
  const Json json = json_of(R"({"a": 2147483648, "b": 2147483649, "c": 9223372036854775807,
      "d": 18446744073709551615, "e": 1e30, "f": 3.0, "g": -9223372036854775808, "h": 0})");
  ConfigReader in(json);
  EXPECT_EQ(in.size_or("a", 1), int64_t{1} << 31);
  EXPECT_TRUE(in.status().ok());
  for (const char* name : {"b", "c", "d", "e", "f", "g", "h"}) {
    ConfigReader one(json);
    EXPECT_EQ(one.size_or(name, 1), 1) << name;
    EXPECT_EQ(one.status().code(), StatusCode::kInvalidArgument) << name;
  }
}

TEST(ConfigReader, ListsOfSizesAreBounded) {
  const Json json = json_of(R"({"a": [], "b": [0], "c": [1, -1], "d": [2147483649], "e": [1.0],
      "f": [18446744073709551615], "g": 3, "h": ["1"], "fits": [2147483648]})");
  ConfigReader in(json);
  EXPECT_EQ(in.sizes_or("fits", {}), std::vector<int64_t>{int64_t{1} << 31});
  EXPECT_EQ(in.sizes_or("absent", {4, 5}), (std::vector<int64_t>{4, 5}));
  EXPECT_TRUE(in.status().ok());
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g", "h"}) {
    ConfigReader one(json);
    EXPECT_EQ(one.sizes_or(name, {7}), std::vector<int64_t>{7}) << name;
    EXPECT_THAT(one.status().message(), HasSubstr("integers from 1 to 2147483648")) << name;
  }
}

TEST(ConfigReader, AnythingButAnObjectIsAProblem) {
  for (const char* text : {"[]", "3", "\"config\"", "null", "true"}) {
    const Json json = json_of(text);
    ConfigReader in(json);
    EXPECT_EQ(in.size_or("size", 9), 9);
    EXPECT_EQ(in.text_or("text", "x"), "x");
    EXPECT_THAT(in.status().message(), HasSubstr("expected a JSON object")) << text;
  }
}

TEST(ConfigReader, LongValuesAreShortened) {
  const Json json{{"size", std::string(100000, 'x')}};
  ConfigReader in(json);
  in.size_or("size", 1);
  EXPECT_LT(in.status().message().size(), 200u);
  EXPECT_THAT(in.status().message(), HasSubstr("xxx..."));
}

}  // namespace
}  // namespace accel::models
