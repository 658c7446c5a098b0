#include "tensors/pickle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "tensors/fixtures.h"

namespace accel::tensors {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::string_literals;

constexpr std::array<std::string_view, 2> kGlobals{"collections.OrderedDict", "a.b.c"};

Result<Pickle> read_back(std::string_view text, const PickleLimits& limits = {}) {
  return read_pickle(as_bytes(text), kGlobals, limits);
}

const PickleValue& root(const Result<Pickle>& pickle) {
  if (!pickle.ok()) {
    ADD_FAILURE() << pickle.status().to_string();
    static const PickleValue none;
    return none;
  }
  return pickle->values[pickle->root];
}

std::vector<int64_t> integers(const Result<Pickle>& pickle) {
  std::vector<int64_t> found;
  for (const PickleId id : root(pickle).items) found.push_back(pickle->values[id].integer);
  return found;
}

TEST(Pickle, ReadsNumbers) {
  EXPECT_EQ(root(read_back("\x80\x02K\xff.")).integer, 255);
  EXPECT_EQ(root(read_back("\x80\x02M\x01\x02.")).integer, 0x201);
  EXPECT_EQ(root(read_back("\x80\x02J\xfe\xff\xff\xff.")).integer, -2);
  EXPECT_EQ(root(read_back("\x8a\x01\xff."s)).integer, -1);
  EXPECT_EQ(root(read_back("\x8a\x02\xff\x00."s)).integer, 255);
  EXPECT_EQ(root(read_back("\x8a\x00."s)).integer, 0);
  EXPECT_EQ(root(read_back("\x8b\x01\x00\x00\x00\x07."s)).integer, 7);
  const auto big = read_back("\x8a\x09"
                             "123456789.");
  EXPECT_EQ(root(big).kind, PickleKind::kBigInt);
  EXPECT_EQ(root(big).text, "123456789");
  EXPECT_EQ(root(read_back("G\x3f\xf8\0\0\0\0\0\0."s)).number, 1.5);
  EXPECT_EQ(root(read_back("N.")).kind, PickleKind::kNone);
  EXPECT_EQ(root(read_back("\x88.")).integer, 1);
  EXPECT_EQ(root(read_back("\x89.")).kind, PickleKind::kBool);
}

TEST(Pickle, ReadsContainers) {
  EXPECT_THAT(integers(read_back("(K\1K\2K\3t.")), ElementsAre(1, 2, 3));
  EXPECT_THAT(integers(read_back("K\1K\2\x86.")), ElementsAre(1, 2));
  EXPECT_THAT(integers(read_back("](K\1K\2eK\3a.")), ElementsAre(1, 2, 3));
  EXPECT_THAT(integers(read_back("}K\1K\2s(K\3K\4u.")), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(integers(read_back("\x8f(K\1K\2\x90.")), ElementsAre(1, 2));
  EXPECT_EQ(root(read_back(").")).kind, PickleKind::kTuple);
}

TEST(Pickle, ReadsTexts) {
  EXPECT_EQ(root(read_back("X\3\0\0\0abc."s)).text, "abc");
  EXPECT_EQ(root(read_back("\x8c\3abc.")).text, "abc");
  EXPECT_EQ(root(read_back("\x8d\3\0\0\0\0\0\0\0abc."s)).text, "abc");
  EXPECT_EQ(root(read_back("U\3abc.")).kind, PickleKind::kText);
  EXPECT_EQ(root(read_back("C\3abc.")).kind, PickleKind::kBytes);
}

TEST(Pickle, RemembersAndShares) {
  const auto pickle = read_back("]q\0h\0a."s);  // a list that contains itself
  ASSERT_TRUE(pickle.ok());
  EXPECT_THAT(root(pickle).items, ElementsAre(pickle->root));
  EXPECT_THAT(integers(read_back("K\7\x94h\0\x86."s)), ElementsAre(7, 7));
  EXPECT_THAT(integers(read_back("K\7"
                                 "2\x86.")),
              ElementsAre(7, 7));
  EXPECT_EQ(root(read_back("K\7K\1"
                           "0."))
                .integer,
            7);
  EXPECT_EQ(root(read_back("K\7(K\1K\1"
                           "1."))
                .integer,
            7);
  EXPECT_EQ(read_back("K\1.rest")->size, 3U);
}

TEST(Pickle, CallsBecomeValues) {
  const auto pickle = read_back("ccollections\nOrderedDict\n)R(K\1K\2u}b.");
  ASSERT_EQ(root(pickle).kind, PickleKind::kCall);
  ASSERT_EQ(root(pickle).items.size(), 4U);
  EXPECT_EQ(pickle->values[root(pickle).items[0]].text, "collections.OrderedDict");
  const auto stacked = read_back("\x8c\3a.b\x8c\1c\x93.");
  EXPECT_EQ(root(stacked).kind, PickleKind::kGlobal);
  EXPECT_EQ(root(stacked).text, "a.b.c");
  EXPECT_EQ(root(read_back("K\7Q.")).kind, PickleKind::kPersistent);
}

TEST(Pickle, OtherNamesAreRefused) {
  for (const std::string_view text :
       {"cposix\nsystem\n(Vls\ntR.", "(dp0\nVw\np1\ncposix\nsystem\np2\n(Vls\np3\ntp4\nRp5\ns.",
        "(S'ls'\niposix\nsystem\n.", "\x80\4\x8c\5posix\x8c\6system\x93\x8c\2ls\x85R."}) {
    const Status status = read_back(text).status();
    EXPECT_EQ(status.code(), StatusCode::kPermissionDenied) << text;
    EXPECT_THAT(status.message(), AllOf(HasSubstr("\"posix.system\""), HasSubstr("ever run")));
  }
  // No tricks with the dot.
  EXPECT_FALSE(read_back("ccollections.OrderedDict\n\n.").ok());
  EXPECT_FALSE(read_back("c\ncollections.OrderedDict\n.").ok());
  EXPECT_FALSE(read_back("ca.b.c\nc\n.").ok());
}

TEST(Pickle, DamageIsDataLoss) {
  for (const std::string_view text :
       {std::string_view(), std::string_view("K"), std::string_view("K\1"), std::string_view("."),
        std::string_view("X\xff\xff\xff\xff", 5), std::string_view("a."), std::string_view("t."),
        std::string_view("(."), std::string_view("K\1s."), std::string_view("K\1K\2K\3s."),
        std::string_view("}(K\1u."), std::string_view("h\7."), std::string_view("cabc"),
        std::string_view("K\1K\1\x93."), std::string_view("K\1)R."), std::string_view("(K\1a."),
        std::string_view("ca.b\nc\nK\1R."), std::string_view("b."), std::string_view("gx\n.")}) {
    const Status status = read_back(text).status();
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << text << status.to_string();
    EXPECT_TRUE(status.offset().has_value()) << text;
  }
  EXPECT_EQ(read_back("\x80\x06N.").status().code(), StatusCode::kUnimplemented);
  EXPECT_THAT(read_back("N\x98.").status().message(), HasSubstr("0x98"));
}

TEST(Pickle, MemoryIsBounded) {
  const PickleLimits limits{.values_max = 100, .bytes_max = 10000};
  const auto repeated = [](std::string_view piece, size_t count) {
    std::string text;
    for (size_t i = 0; i < count; ++i) text += piece;
    return text;
  };
  // Values, stack, marks, slots, elements, bytes.
  for (const std::string& text :
       {repeated("N0", 200), "N" + repeated("2", 200), repeated("(", 200), "Nr\xff\xff\xff\x7f."s,
        "]q\0"s + repeated("(h\0h\0h\0h\0h\0h\0h\0e"s, 100), "N" + repeated("q\0"s, 10000)}) {
    EXPECT_EQ(read_back(text, limits).status().code(), StatusCode::kResourceExhausted);
  }
  // Nothing recurses.
  const std::string deep = "N" + repeated("\x85", 1'000'000) + ".";
  EXPECT_TRUE(read_back(deep).ok());
}

}  // namespace
}  // namespace accel::tensors
