#include "server/http/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::http {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(Target, IsSplitAndDecoded) {
  const auto plain = parse_target("/v2/models/a%20b/infer?x=%41&y");
  ASSERT_TRUE(plain.ok()) << plain.status().to_string();
  EXPECT_EQ(plain->path, "/v2/models/a b/infer");
  EXPECT_EQ(plain->query, "x=%41&y");

  EXPECT_EQ(parse_target("/")->path, "/");
  EXPECT_EQ(parse_target("/?")->query, "");
  EXPECT_EQ(parse_target("/a+b")->path, "/a+b");
  EXPECT_EQ(parse_target("/a?b?c")->query, "b?c");
  EXPECT_EQ(parse_target("/org%2Fname")->path, "/org/name");
  EXPECT_EQ(parse_target("/..a/b..")->path, "/..a/b..");
  EXPECT_EQ(parse_target("/%c3%a4")->path, "/\xc3\xa4");
}

TEST(Target, MayNameItsHost) {
  EXPECT_EQ(parse_target("http://host:80/a%20b?c=d")->path, "/a b");
  EXPECT_EQ(parse_target("HTTPS://host/a")->path, "/a");
  EXPECT_EQ(parse_target("http://host/a?b=http://c")->query, "b=http://c");
}

TEST(Target, RefusesWhatIsNoPath) {
  for (const std::string_view text : {"",          "a",        "*",
                                      "?a",        "host:443", "http://host",
                                      "http:///a", "http://",  "ftp://host/a",
                                      "/%",        "/%4",      "/%4g",
                                      "/%zz",      "/%00",     "/a%0d%0ab",
                                      "/%7f",      "/a\tb",    "/.",
                                      "/..",       "/a/../b",  "/a/..",
                                      "/%2e%2e/a", "/a/%2E",   "/a%2f..%2fb",
                                      "/./a",      "/a#b",     "/a?b#c"}) {
    const auto target = parse_target(text);
    EXPECT_FALSE(target.ok()) << text;
    if (!target.ok()) {
      EXPECT_EQ(target.status().code(), StatusCode::kInvalidArgument) << text;
      EXPECT_TRUE(target.status().offset().has_value()) << text;
    }
  }
  EXPECT_FALSE(parse_target(std::string_view("/a\0b", 4)).ok());
  EXPECT_EQ(parse_target("/ab%4").status().offset(), 3u);
}

TEST(Query, IsDecodedInOrder) {
  const auto pairs = parse_query("a=1&b=x%20y+z&a=2&c&=d&&e==");
  ASSERT_TRUE(pairs.ok());
  EXPECT_THAT(*pairs, ElementsAre(Pair("a", "1"), Pair("b", "x y z"), Pair("a", "2"), Pair("c", ""),
                                  Pair("", "d"), Pair("e", "=")));
  EXPECT_THAT(*parse_query(""), IsEmpty());
}

TEST(Query, RefusesBrokenEscapes) {
  EXPECT_EQ(parse_query("a=%4").status().offset(), 2u);
  EXPECT_EQ(parse_query("a=1&%=2").status().offset(), 4u);
}

}  // namespace
}  // namespace accel::http
