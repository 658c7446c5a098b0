#include "server/json/json_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>
#include <sstream>

#include "base/json.h"
#include "base/try.h"

namespace accel::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Status read_text(std::string text, const JsonValue::ElementReader& reader) {
  return read_json(text, reader);
}

// Whether a text is accepted, in each way to pass over it; they agree.
bool is_accepted(const std::string& text) {
  const JsonValue::ElementReader ways[] = {
      [](JsonValue& value) { return value.skip(); }, [](JsonValue&) { return Status(); },
      [](JsonValue& value) {
        std::string raw;
        return value.raw(raw);
      },
      [](JsonValue& value) {
        if (value.kind() == JsonKind::kArray) {
          return value.elements([](JsonValue&) { return Status(); });
        }
        if (value.kind() == JsonKind::kObject) {
          return value.members([](std::string_view, JsonValue&) { return Status(); });
        }
        return Status();
      }};
  int accepted = 0;
  for (const auto& way : ways) accepted += read_text(text, way).ok() ? 1 : 0;
  EXPECT_TRUE(accepted == 0 || accepted == 4) << text;
  return accepted > 0;
}

std::string error_of(const std::string& text, const JsonValue::ElementReader& reader) {
  return read_text(text, reader).to_string();
}

std::string skip_error(const std::string& text) {
  return error_of(text, [](JsonValue& value) { return value.skip(); });
}

template <class T>
Result<T> read_as(const std::string& text) {
  T result{};
  ACCEL_TRY(read_text(text, [&](JsonValue& value) { return value.read(result); }));
  return result;
}

template <class T>
std::string error_as(const std::string& text) {
  return read_as<T>(text).status().to_string();
}

struct Numbers {
  std::string bytes;
  std::vector<int64_t> shape;

  template <class T>
  std::vector<T> as() const {
    std::vector<T> values(bytes.size() / sizeof(T));
    if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
};

Result<Numbers> read_numbers_of(const std::string& text, DType dtype, uint64_t count_max = 1000000,
                                bool shaped = true) {
  Numbers numbers;
  ACCEL_TRY(read_text(text, [&](JsonValue& value) {
    return value.append_numbers(dtype, count_max, numbers.bytes, shaped ? &numbers.shape : nullptr);
  }));
  return numbers;
}

std::string numbers_error(const std::string& text, DType dtype) {
  return read_numbers_of(text, dtype).status().to_string();
}

TEST(JsonReaderTest, ReadsARequest) {
  std::string text = R"( {"model": "m\u00fcller", "input": ["a", "", "\ud83d\ude00\n"],
                          "dimensions": 256, "user": null, "scale": 0.5, "strict": true,
                          "seed": 18446744073709551615, "ids": [[1, -2], []],
                          "more": {"a": [{}]}} )";
  std::string model;
  std::vector<std::string> input;
  int64_t dimensions = 0;
  std::optional<std::string> user = "somebody";
  std::optional<double> scale;
  bool strict = false;
  uint64_t seed = 0;
  std::vector<std::vector<int64_t>> ids;
  const Status status = read_json(text, [&](JsonValue& root) {
    EXPECT_EQ(root.kind(), JsonKind::kObject);
    return root.members([&](std::string_view name, JsonValue& value) -> Status {
      if (name == "model") return value.read(model);
      if (name == "input") return value.read(input);
      if (name == "dimensions") return value.read(dimensions);
      if (name == "user") return value.read(user);
      if (name == "scale") return value.read(scale);
      if (name == "strict") return value.read(strict);
      if (name == "seed") return value.read(seed);
      if (name != "ids") return value.skip();
      return value.elements([&](JsonValue& row) { return row.read(ids.emplace_back()); });
    });
  });
  ASSERT_TRUE(status.ok()) << status.to_string();
  EXPECT_EQ(model, "m\xC3\xBCller");
  EXPECT_THAT(input, ElementsAre("a", "", "\xF0\x9F\x98\x80\n"));
  EXPECT_EQ(dimensions, 256);
  EXPECT_EQ(user, std::nullopt);
  EXPECT_EQ(scale, 0.5);
  EXPECT_TRUE(strict);
  EXPECT_EQ(seed, 18446744073709551615u);
  EXPECT_THAT(ids, ElementsAre(ElementsAre(1, -2), IsEmpty()));
}

// Texts without blanks, with blanks between them.
constexpr std::string_view kValid =
    R"(0 -0 10 1.5 -1.25e-3 1E+2 0e0 1e999 [1e999] "" "\u0000" "\"\\\/\b\f\n\r\t\u00e4" true false
       null [] {} [[],{}] [1,2] {"a":1,"a":2} {"":{}} ["\ud83d\ude00"] "ä" ["😀"]
       [123456789012345678901234567890])";
constexpr std::string_view kBrokenValues =
    R"(01 - -01 +1 .5 1. 1.e2 1e 1e+ 0x1 1_0 --1 1- 1a 1"a" Infinity NaN nan True tru truee true1
       nul nulll fals falsey " "a "\x" "\u12" "\u12g4" "\ud800" "\udc00" "\ud800\u0041"
       "\ud800\ud800" 'a' a \ /**/1 1// "a"b "a"1 1, , : ] } [ {)";
constexpr std::string_view kBrokenTexts =
    R"([1,,2] [,1] [1,] [1:2] ["a":1] [1 [1} {"a":1] {"a"} {"a":} {"a",1} {"a":1,} {,} {1:2} {a:1}
       {null:1} {"a"::1} {"\x":1} {"a":1}} [1]] [][] [1]x {}{} [[1] [{} {"a":{} {"a":[} {[} [{] [{]}
       {[}])";

std::vector<std::string> split_at_blanks(std::string_view texts) {
  std::istringstream stream{std::string(texts)};
  return {std::istream_iterator<std::string>(stream), {}};
}

TEST(JsonReaderTest, AcceptsTheGrammar) {
  for (const std::string& text : split_at_blanks(kValid)) {
    EXPECT_TRUE(is_accepted(text)) << text;
    EXPECT_TRUE(is_accepted(" \t\r\n" + text + "\n ")) << text;
    EXPECT_TRUE(is_accepted("{\"a\" : [ " + text + " ] }")) << text;
    EXPECT_TRUE(is_accepted("\xEF\xBB\xBF" + text)) << text;
  }
  EXPECT_TRUE(is_accepted("[\"\x7F\"]"));
}

TEST(JsonReaderTest, AcceptsNothingElse) {
  std::vector<std::string> values = split_at_blanks(kBrokenValues);
  values.insert(values.end(), {"\"\n\"", "\"\x01\"", "1\f", "1\v", "\x1A", "\xC2\xA0", "1 2"});
  for (const std::string& value : values) {
    EXPECT_FALSE(is_accepted(value)) << value;
    EXPECT_FALSE(is_accepted("[" + value + "]")) << value;
    EXPECT_FALSE(is_accepted("[[0," + value + " ]]")) << value;
    EXPECT_FALSE(is_accepted("{\"a\":" + value + "}")) << value;
  }
  std::vector<std::string> texts = split_at_blanks(kBrokenTexts);
  texts.insert(texts.end(), {"", " ", "[1 2]", "[] 1", "{\"a\":1 \"b\":2}", "{\"a\" 1}", "[1]\f",
                             "\xEF\xBB\xBF", "\xEF\xBB[1]", " \xEF\xBB\xBF[1]", "[1]\xEF\xBB\xBF",
                             "\xEF\xBB\xBF\xEF\xBB\xBF[1]"});
  using namespace std::string_literals;
  texts.insert(texts.end(), {"[1]\0"s, "\0[1]"s, "[\0]"s, "[\"\0\"]"s, "1\0"s, "[1\0]"s});
  for (const std::string& text : texts) EXPECT_FALSE(is_accepted(text)) << Json(text);
}

TEST(JsonReaderTest, RefusesInvalidUtf8AnywhereAndSaysWhere) {
  for (const char* text : {"[\"a\xFF\"]", "[1,\xC3]", "[1,2]\x80", "{\"\xED\xA0\x80\":1}",
                           "[\"\xC0\xAF\"]", "[\"\xF4\x90\x80\x80\"]", "[\"unclosed \xFF]"}) {
    EXPECT_THAT(skip_error(text), HasSubstr("INVALID_ARGUMENT: expected UTF-8, found an invalid"))
        << text;
  }
  const Status status = read_text("[\"a\xFF\"]", [](JsonValue& value) { return value.skip(); });
  EXPECT_EQ(status.offset(), 3u);
}

TEST(JsonReaderTest, SaysWhatIsWrongWithTheText) {
  const std::pair<const char*, const char*> rows[] = {
      {"", "expected a JSON value, found an empty body"},
      {" \n", "expected a JSON value, found an empty body"},
      {"\xEF\xBB\xBF", "expected a JSON value, found an empty body"},
      {"[1,,2]", "[1]: expected valid JSON, found ',' at byte 3"},
      {"[1 2]", "[1]: expected valid JSON, found '2' at byte 3"},
      {"{\"a\":{\"b\" 1}}", "a: expected valid JSON, found '1' at byte 10"},
      {"{\"a\":[tru]}", "a[0]: expected valid JSON, found 't' at byte 6"},
      {"[1]\f", "expected valid JSON, which ends with ']' as it begins with '['; found 0x0C at"},
      {"[1] [2]", "expected nothing after the JSON value, found '[' at byte 4"},
      {"1 2", "expected nothing after the JSON value, found '2' at byte 2"},
      {"{\"a\": 1",
       "expected valid JSON, which ends with '}' as it begins with '{'; found '1' at byte 6"},
      {"[[1]", "[1]: expected valid JSON, found its end at byte 4"},
      {"[\"a\nb\"]", "expected control characters in strings to be escaped (\\u00XX), found 0x0A"},
      {"[\"a\\\"b]", "expected valid JSON, found a string without an end at byte 1"},
      {"\\\"a\"", "expected valid JSON, found a string without an end at byte 3"},
      {"[\"a\", \"\\q\"]",
       "[1]: expected valid JSON, found a string with an invalid escape at byte"},
      {"{\"\\q\": 1}", "expected valid JSON, found a name with an invalid escape at byte 1"},
      {"\xEF\xBB\xBF[x]", "[0]: expected valid JSON, found 'x' at byte 4"}};
  for (const auto& [text, message] : rows) {
    EXPECT_THAT(skip_error(text), HasSubstr(std::string("INVALID_ARGUMENT: ") + message)) << text;
  }
}

TEST(JsonReaderTest, SaysWhereAValueOfAnotherKindStands) {
  std::string text = R"({"input": [{}, {"x y": 1, "x": [true]}]})";
  const auto read_deep = [&](std::string_view wanted) {
    return read_json(text, [&](JsonValue& root) {
      return root.members([&](std::string_view, JsonValue& input) {
        return input.elements([&](JsonValue& element) {
          return element.members([&](std::string_view name, JsonValue& value) {
            std::string unread;
            return name == wanted ? value.read(unread) : value.skip();
          });
        });
      });
    });
  };
  EXPECT_EQ(read_deep("x").to_string(),
            "INVALID_ARGUMENT: input[1].x: expected a string, found an array");
  EXPECT_EQ(read_deep("x y").to_string(),
            "INVALID_ARGUMENT: input[1][\"x y\"]: expected a string, found a number");
  EXPECT_EQ(read_deep("x y").offset(), 23u);
  EXPECT_TRUE(read_deep("z").ok());

  EXPECT_THAT(error_as<std::string>("1"), HasSubstr(": expected a string, found a number"));
  EXPECT_THAT(error_as<bool>("0"), HasSubstr("expected true or false, found a number"));
  EXPECT_THAT(error_as<double>("\"1\""), HasSubstr("expected a number, found a string"));
  EXPECT_THAT(error_as<int64_t>("null"), HasSubstr("expected an integer, found null"));
  EXPECT_THAT(error_as<std::vector<std::string>>("[\"a\", 1]"),
              HasSubstr("[1]: expected a string"));
  EXPECT_THAT(error_as<std::vector<int64_t>>("{}"),
              HasSubstr("expected an array, found an object"));
}

TEST(JsonReaderTest, LongAndHostileNamesAreClippedInMessages) {
  const std::string name(100000, 'a');
  const auto message = [](const std::string& key) {
    return error_of("{" + Json(key).dump() + ":[1,]}", [](JsonValue& v) { return v.skip(); });
  };
  EXPECT_LT(message(name).size(), 200u);
  EXPECT_THAT(message("a\x1B[2J\x7F"), HasSubstr("[\"a\\u001b[2J\\u007f\"][1]: expected"));
}

TEST(JsonReaderTest, ReadsNumbersOfTheirTypeOnly) {
  EXPECT_EQ(*read_as<int64_t>("-9223372036854775808"), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(*read_as<int64_t>("-0"), 0);
  EXPECT_EQ(*read_as<uint64_t>("-0"), 0u);
  EXPECT_EQ(*read_as<uint64_t>("18446744073709551615"), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(error_as<int64_t>("9223372036854775808"),
            "INVALID_ARGUMENT: expected an integer from -9223372036854775808 to "
            "9223372036854775807, found 9223372036854775808");
  for (const char* text : {"1.0", "1e2", "1E0", "-1.5", "123456789012345678901234567890"}) {
    EXPECT_THAT(error_as<int64_t>(text), HasSubstr("expected an integer from")) << text;
    EXPECT_THAT(error_as<uint64_t>(text), HasSubstr("expected an integer from 0 to")) << text;
  }
  EXPECT_FALSE(read_as<uint64_t>("-1").ok());

  EXPECT_EQ(*read_as<double>("7"), 7.0);
  EXPECT_EQ(*read_as<double>("1e-400"), 0.0);
  EXPECT_TRUE(std::signbit(*read_as<double>("-1e-999999999999999999999")));
  EXPECT_EQ(*read_as<double>("0." + std::string(1200, '0') + "1"), 0.0);
  EXPECT_EQ(*read_as<double>(std::string(1, '1') + std::string(300, '0') + ".0"), 1e300);
  EXPECT_EQ(*read_as<double>("4.9406564584124654e-324"), std::numeric_limits<double>::denorm_min());
  EXPECT_EQ(*read_as<double>("0e999999999999999999999"), 0.0);
  EXPECT_THAT(error_as<double>("1e400"),
              HasSubstr("expected a number that f64 can hold, found 1e400"));
  EXPECT_FALSE(read_as<double>("-1e99999999999999999999").ok());
  EXPECT_FALSE(read_as<double>(std::string(400, '9')).ok());
  EXPECT_LT(error_as<double>(std::string(100000, '9')).size(), 200u);
}

TEST(JsonReaderTest, RefusesMoreThan64Levels) {
  const auto nested = [](int levels, bool objects) {
    std::string text;
    for (int i = 0; i < levels; ++i) text += objects ? "{\"a\":" : "[";
    text += objects ? "1" : "";
    for (int i = 0; i < levels; ++i) text += objects ? "}" : "]";
    return text;
  };
  for (const bool objects : {false, true}) {
    EXPECT_TRUE(is_accepted(nested(64, objects)));
    EXPECT_FALSE(is_accepted(nested(65, objects)));
    EXPECT_THAT(skip_error(nested(100000, objects)),
                HasSubstr("expected JSON at most 64 levels deep, found more"));
  }
  EXPECT_TRUE(read_numbers_of(nested(64, false), DType::kF32).ok());
  EXPECT_THAT(numbers_error(nested(65, false), DType::kF32), HasSubstr("at most 64 levels deep"));
  EXPECT_FALSE(is_accepted(std::string(100000, '[')));
}

TEST(JsonReaderTest, GivesEachNameEachTime) {
  std::vector<std::string> names;
  int64_t sum = 0;
  const Status status = read_text(R"({"a": 1, "b": 2, "a": 4, "\u0061": 8})", [&](JsonValue& root) {
    return root.members([&](std::string_view name, JsonValue& value) {
      int64_t number = 0;
      const Status read = value.read(number);
      names.emplace_back(name);
      sum += number;
      return read;
    });
  });
  ASSERT_TRUE(status.ok()) << status.to_string();
  EXPECT_THAT(names, ElementsAre("a", "b", "a", "a"));
  EXPECT_EQ(sum, 15);
}

TEST(JsonReaderTest, ErrorsOfReadersEndItAndComeBack) {
  int calls = 0;
  const Status status = read_text("[1,[2,3],4]", [&](JsonValue& root) {
    return root.elements([&](JsonValue& value) {
      if (value.kind() != JsonKind::kArray) return Status();
      return value.elements([&](JsonValue&) {
        ++calls;
        return not_found("enough");
      });
    });
  });
  EXPECT_EQ(status.to_string(), "NOT_FOUND: enough");
  EXPECT_EQ(calls, 1);
}

TEST(JsonReaderTest, NoErrorCanBeHidden) {
  const Status hidden = read_text("[[1,\"a\",[]],2]", [&](JsonValue& root) {
    return root.elements([&](JsonValue& row) {
      if (row.kind() != JsonKind::kArray) return Status();
      std::vector<int64_t> numbers;
      EXPECT_FALSE(row.read(numbers).ok());
      return Status();
    });
  });
  EXPECT_EQ(hidden.to_string(), "INVALID_ARGUMENT: [0][1]: expected an integer, found a string");

  const Status broken = read_text("[1,[2,,3]]", [&](JsonValue& root) {
    EXPECT_FALSE(root.skip().ok());
    return Status();
  });
  EXPECT_THAT(broken.to_string(), HasSubstr("[1][1]: expected valid JSON, found ','"));
}

TEST(JsonReaderTest, AValueIsReadOnce) {
  const Status twice = read_text("[1]", [&](JsonValue& root) {
    return root.elements([&](JsonValue& value) {
      int64_t number = 0;
      EXPECT_TRUE(value.read(number).ok());
      return value.read(number);
    });
  });
  EXPECT_EQ(twice.code(), StatusCode::kInternal);
  EXPECT_THAT(twice.to_string(), HasSubstr("the value at byte 1 was to be read twice"));

  const Status again = read_text("[1]", [&](JsonValue& root) {
    return root.elements([&](JsonValue&) { return root.skip(); });
  });
  EXPECT_EQ(again.code(), StatusCode::kInternal);
}

TEST(JsonReaderTest, RawIsTheValuesOwnText) {
  const std::string text =
      " { \"a\" : [ 1 , { \"b\" : \"\\u00e4 ]\" } ] , \"c\":1.50 ,\"d\": \"x\\n\" "
      ", \"e\" : {} }\n";
  std::vector<std::string> raws;
  const Status status = read_text(text, [&](JsonValue& root) {
    return root.members(
        [&](std::string_view, JsonValue& value) { return value.raw(raws.emplace_back()); });
  });
  ASSERT_TRUE(status.ok()) << status.to_string();
  EXPECT_THAT(raws, ElementsAre("[ 1 , { \"b\" : \"\\u00e4 ]\" } ]", "1.50", "\"x\\n\"", "{}"));

  for (const char* whole : {"[1, 2]", "{}", "1", "\"a \"", "null"}) {
    std::string raw;
    EXPECT_TRUE(read_text(std::string("\t ") + whole + " \n", [&](JsonValue& root) {
                  return root.raw(raw);
                }).ok());
    EXPECT_EQ(raw, whole);
  }
  std::string raw;
  EXPECT_FALSE(read_text("[[1,]]", [&](JsonValue& root) { return root.raw(raw); }).ok());
}

TEST(JsonReaderTest, TheTextMayHavePaddingOrNot) {
  std::string text = "[\"" + std::string(1000, 'a') + "\"]";
  text.shrink_to_fit();
  std::vector<std::string> values;
  const auto reader = [&](JsonValue& root) { return root.read(values); };
  EXPECT_TRUE(read_json(text, reader).ok());
  EXPECT_THAT(values, ElementsAre(std::string(1000, 'a')));

  std::string padded;
  padded.reserve(4096);
  padded = "[\"b\"]";
  const char* const before = padded.data();
  EXPECT_TRUE(read_json(padded, reader).ok());
  EXPECT_EQ(padded.data(), before);
  EXPECT_EQ(padded, "[\"b\"]");
  EXPECT_THAT(values, ElementsAre("b"));
}

TEST(JsonNumbersTest, AppendsNestedNumbersWithTheirShape) {
  const Result<Numbers> read =
      read_numbers_of("[[[1,2.5],[-3,4e2]],[[5,6],[7,-0.0]]]", DType::kF32);
  ASSERT_TRUE(read.ok()) << read.status().to_string();
  EXPECT_THAT(read->shape, ElementsAre(2, 2, 2));
  EXPECT_THAT(read->as<float>(), ElementsAre(1, 2.5, -3, 400, 5, 6, 7, 0));
  EXPECT_TRUE(std::signbit(read->as<float>().back()));

  const std::pair<const char*, std::vector<int64_t>> empties[] = {
      {"[]", {0}}, {"[[],[]]", {2, 0}}, {"[[[]]]", {1, 1, 0}}, {"[ [ [ ] , [ ] ] ]", {1, 2, 0}}};
  for (const auto& [text, shape] : empties) {
    const Result<Numbers> empty = read_numbers_of(text, DType::kI64);
    ASSERT_TRUE(empty.ok()) << empty.status().to_string();
    EXPECT_EQ(empty->shape, shape) << text;
    EXPECT_THAT(empty->bytes, IsEmpty());
  }
}

TEST(JsonNumbersTest, AppendsToWhatIsThere) {
  std::string bytes = "abcd";
  const Status status = read_text("{\"a\":[1],\"b\":[2]}", [&](JsonValue& root) {
    return root.members([&](std::string_view, JsonValue& value) {
      return value.append_numbers(DType::kI8, 10, bytes, nullptr);
    });
  });
  EXPECT_TRUE(status.ok()) << status.to_string();
  EXPECT_EQ(bytes, "abcd\1\2");
}

TEST(JsonNumbersTest, RefusesRaggedArraysWhereAShapeIsWanted) {
  const std::pair<const char*, const char*> rows[] = {
      {"[[1,2],[3]]", "[1]: expected 2 elements, as in the array before it, found 1"},
      {"[[1],[2,3]]", "[1]: expected 1 elements, as in the array before it, found 2"},
      {"[[[1],[2]],[[3]]]", "[1]: expected 2 elements"},
      {"[[[1]],[[2,3]]]", "[1][0]: expected 1 elements"},
      {"[[],[1]]", "[1]: expected 0 elements"},
      {"[[1],[]]", "[1]: expected 1 elements"},
      {"[1,[2]]", "[1]: expected a number, as before it, found an array"},
      {"[[1],[[2]]]", "[1][0]: expected a number, as before it, found an array"},
      {"[[1],2]", "[1]: expected an array, as before it, found a number"},
      {"[[],2]", "[1]: expected an array, as before it, found a number"},
      {"[[[1]],[2]]", "[1][0]: expected an array, as before it, found a number"},
      {"[[],[[]]]", "[1]: expected 0 elements"},
      {"[[[]],[]]", "[1]: expected 1 elements"}};
  for (const auto& [text, message] : rows) {
    EXPECT_THAT(numbers_error(text, DType::kF32), HasSubstr(message)) << text;
    EXPECT_THAT(numbers_error(text, DType::kI32), HasSubstr(message)) << text;
    EXPECT_TRUE(read_numbers_of(text, DType::kF32, 10, false).ok()) << text;
  }
  EXPECT_THAT(read_numbers_of("[1,[2,[3]],4]", DType::kU8, 10, false)->as<uint8_t>(),
              ElementsAre(1, 2, 3, 4));
}

TEST(JsonNumbersTest, RefusesMalformedArraysAndOtherKinds) {
  const std::pair<const char*, const char*> rows[] = {
      {"1", "INVALID_ARGUMENT: expected an array, found a number"},
      {"[\"1\"]", "[0]: expected a number, found a string"},
      {"[1,null]", "[1]: expected a number, found null"},
      {"[[1,true]]", "[0][1]: expected a number, found true or false"},
      {"[1,{}]", "[1]: expected a number, found an object"},
      {"[1,,2]", "[1]: expected valid JSON, found ',' at byte 3"},
      {"[1,2,]", "[2]: expected valid JSON, found ']' at byte 5"},
      {"[1,2 3]", "[2]: expected valid JSON, found '3' at byte 5"},
      {"[1,2x]", "[1]: expected valid JSON, found '2' at byte 3"},
      {"[1,01]", "[1]: expected valid JSON, found '0' at byte 3"},
      {"[1,2", "found '2' at byte 3"},
      {"[[1],[2]", "found its end at byte 8"},
      {"[1]]", "expected nothing after the JSON value, found ']' at byte 3"}};
  for (const auto& [text, message] : rows) {
    for (const DType dtype : {DType::kF64, DType::kF32, DType::kF16, DType::kI32, DType::kU64}) {
      EXPECT_THAT(numbers_error(text, dtype), HasSubstr(message)) << text;
    }
  }
}

TEST(JsonNumbersTest, ChecksTheRangeOfIntegers) {
  const std::tuple<DType, const char*, const char*> rows[] = {
      {DType::kU8, "0", "255"},
      {DType::kI8, "-128", "127"},
      {DType::kU16, "0", "65535"},
      {DType::kI16, "-32768", "32767"},
      {DType::kU32, "0", "4294967295"},
      {DType::kI32, "-2147483648", "2147483647"},
      {DType::kU64, "0", "18446744073709551615"},
      {DType::kI64, "-9223372036854775808", "9223372036854775807"}};
  for (const auto& [dtype, low, high] : rows) {
    const std::string inside = std::string("[0,-0,") + low + "," + high + "]";
    const Result<Numbers> read = read_numbers_of(inside, dtype);
    ASSERT_TRUE(read.ok()) << read.status().to_string();
    EXPECT_EQ(read->bytes.size(), 4 * size_of(dtype));
    const std::string range = std::string("expected an integer from ") + low + " to " + high;
    // One more in the last digit, none of which is 9.
    std::string above = high;
    ++above.back();
    std::string below = std::string(low) == "0" ? "-1" : low;
    if (below != "-1") ++below.back();
    for (const std::string& text : {above, below, std::string("1.0"), std::string("1e1"),
                                    std::string("99999999999999999999999999")}) {
      const std::string wanted = ": [1]: " + range + ", found " + text;
      EXPECT_THAT(numbers_error("[0," + text + "]", dtype), HasSubstr(wanted.substr(2)));
      EXPECT_FALSE(read_numbers_of("[" + text + "]", dtype).ok());
    }
  }
  EXPECT_THAT(read_numbers_of("[1,9223372036854775808]", DType::kU64)->as<uint64_t>(),
              ElementsAre(1u, 9223372036854775808u));
}

TEST(JsonNumbersTest, TakesBoolsAsWordsAndAsNumbers) {
  EXPECT_THAT(read_numbers_of("[true,false,0,1,-0,true]", DType::kBool)->as<uint8_t>(),
              ElementsAre(1, 0, 0, 1, 0, 1));
  EXPECT_THAT(numbers_error("[0,2]", DType::kBool),
              HasSubstr("[1]: expected true, false, 0 or 1, found 2"));
  EXPECT_FALSE(read_numbers_of("[1.0]", DType::kBool).ok());
  EXPECT_THAT(numbers_error("[\"true\"]", DType::kBool),
              HasSubstr("expected true, false, 0 or 1, found a string"));
}

TEST(JsonNumbersTest, RoundsDigitsToFloatsOnce) {
  // Halfway between two floats, and so little more that a double does not show it.
  const std::string half = "1.000000059604644775390625";
  const std::string more = half + "00000000000000000001";
  const std::string less = "1.00000017881393432617187499999999999999";
  for (const std::string& before : {std::string(), std::string("0,")}) {
    const auto last = [&](const std::string& digits) {
      return read_numbers_of("[" + before + digits + "]", DType::kF32)->as<float>().back();
    };
    EXPECT_EQ(last(half), 1.0F);
    EXPECT_EQ(last(more), std::nextafter(1.0F, 2.0F));
    EXPECT_EQ(last("-" + more), -std::nextafter(1.0F, 2.0F));
    EXPECT_EQ(last(less), std::nextafter(1.0F, 2.0F));
    EXPECT_EQ(last("3.4028235e38"), std::numeric_limits<float>::max());
    EXPECT_EQ(last("3.40282356e38"), std::numeric_limits<float>::max());
    EXPECT_EQ(last("1e-45"), std::numeric_limits<float>::denorm_min());
    EXPECT_EQ(last("7e-46"), 0.0F);
    EXPECT_EQ(last("1e-400"), 0.0F);
    EXPECT_EQ(last("0.1111111111111111111111111111"), 1.0F / 9);
    EXPECT_EQ(last("-0.95000000000000000000"), -0.95F);
    EXPECT_TRUE(std::signbit(last("-1e-60")));
    for (const char* above : {"1e39", "-1e39", "3.4028236e38", "1e400"}) {
      EXPECT_THAT(numbers_error("[" + before + above + "]", DType::kF32),
                  HasSubstr(std::string("expected a number that f32 can hold, found ") + above));
    }
  }
  EXPECT_THAT(read_numbers_of("[0.1,1e39,1e-310]", DType::kF64)->as<double>(),
              ElementsAre(0.1, 1e39, 1e-310));
  EXPECT_THAT(
      read_numbers_of("[1,0.95000000000000000000,-0.00012345678901234567890123]", DType::kF64)
          ->as<double>(),
      ElementsAre(1, 0.95, -0.00012345678901234567890123));
  EXPECT_FALSE(read_numbers_of("[1,1e309]", DType::kF64).ok());
}

TEST(JsonNumbersTest, RoundsToNarrowFloats) {
  const auto bits16 = [](const char* text, DType dtype) {
    return read_numbers_of(text, dtype)->as<uint16_t>();
  };
  // 2049 and 2051 are halfway; 65519 is the largest that rounds down to 65504.
  EXPECT_THAT(
      bits16("[0,-0.0,1,-2,0.1,2049,2051,65504,65519,5.9604645e-8,2.9e-8,6.1035e-5]", DType::kF16),
      ElementsAre(0, 0x8000, 0x3C00, 0xC000, 0x2E66, 0x6800, 0x6802, 0x7BFF, 0x7BFF, 1, 0, 0x0400));
  EXPECT_THAT(numbers_error("[1,65520]", DType::kF16),
              HasSubstr("[1]: expected a number that f16 can hold, found 65520"));
  EXPECT_THAT(bits16("[1,257,259,3.3895e38,1e-40]", DType::kBF16),
              ElementsAre(0x3F80, 0x4380, 0x4382, 0x7F7F, 1));
  EXPECT_FALSE(read_numbers_of("[3.4e38]", DType::kBF16).ok());
  EXPECT_THAT(read_numbers_of("[1,448,464,-0.001953125]", DType::kF8E4M3)->as<uint8_t>(),
              ElementsAre(0x38, 0x7E, 0x7E, 0x81));
  EXPECT_FALSE(read_numbers_of("[465]", DType::kF8E4M3).ok());
  EXPECT_THAT(read_numbers_of("[1,57344]", DType::kF8E5M2)->as<uint8_t>(), ElementsAre(0x3C, 0x7B));
  EXPECT_FALSE(read_numbers_of("[61440]", DType::kF8E5M2).ok());
}

TEST(JsonNumbersTest, TakesNoMoreThanCountMax) {
  std::string text = "[";
  for (int i = 0; i < 2000; ++i) text += "[1,2],";
  text.back() = ']';
  EXPECT_TRUE(read_numbers_of(text, DType::kI32, 4000).ok());
  const Status status = read_numbers_of(text, DType::kI32, 3999).status();
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(status.to_string(), HasSubstr("expected at most 3999 numbers, found more"));
  EXPECT_TRUE(read_numbers_of("[]", DType::kI32, 0).ok());
  EXPECT_FALSE(read_numbers_of("[1]", DType::kI32, 0).ok());
}

TEST(JsonNumbersTest, ReadsALargeTensor) {
  std::string text = "[";
  std::vector<float> expected;
  for (int row = 0; row < 100; ++row) {
    text += '[';
    for (int column = 0; column < 384; ++column) {
      const auto value = static_cast<float>(row - column) / 7;
      expected.push_back(value);
      text += Json(value).dump() + (column == 383 ? "]" : " , ");
    }
    text += row == 99 ? ']' : ',';
  }
  const Result<Numbers> read = read_numbers_of(text, DType::kF32);
  ASSERT_TRUE(read.ok()) << read.status().to_string();
  EXPECT_THAT(read->shape, ElementsAre(100, 384));
  EXPECT_EQ(read->as<float>(), expected);
}

}  // namespace
}  // namespace accel::server
