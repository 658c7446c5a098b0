#include "cli/served_models.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(ServedNames, AreTheLastPartOrWhatIsSaid) {
  const auto served = served_names({"sentence-transformers/all-MiniLM-L6-v2@main", "./models/a/",
                                    "b=models/model.gguf", "x/y/model.onnx"});
  ASSERT_TRUE(served.ok()) << served.status().to_string();
  EXPECT_EQ((*served)[0].name, "all-MiniLM-L6-v2");
  EXPECT_THAT((*served)[0].aliases,
              ElementsAre("sentence-transformers/all-MiniLM-L6-v2", "default"));
  EXPECT_EQ((*served)[1].name, "a");
  EXPECT_THAT((*served)[1].aliases, IsEmpty());
  EXPECT_EQ((*served)[2].name, "b");
  EXPECT_EQ((*served)[2].model, "models/model.gguf");
  EXPECT_EQ((*served)[3].name, "model");
}

TEST(ServedNames, ThatClashOrAreNoneAreRefused) {
  EXPECT_THAT(served_names({"a/m", "b/m"}).status().message(), HasSubstr("other=b/m"));
  EXPECT_FALSE(served_names({"=m"}).ok());
  EXPECT_FALSE(served_names({"a="}).ok());
  EXPECT_FALSE(served_names({"a:1=m"}).ok());
  EXPECT_THAT((*served_names({"default"}))[0].aliases, IsEmpty());
}

TEST(Listening, TakesTheUsualForms) {
  const auto parsed = [](std::string_view text) {
    const auto address = parse_listen(text);
    return address.ok() ? address->address + " " + std::to_string(address->port) : "none";
  };
  EXPECT_EQ(parsed("127.0.0.1:8000"), "127.0.0.1 8000");
  EXPECT_EQ(parsed("[::1]:80"), "::1 80");
  EXPECT_EQ(parsed("9000"), "127.0.0.1 9000");
  EXPECT_EQ(parsed(":9000"), "127.0.0.1 9000");
  EXPECT_EQ(parsed("unix:/run/a.sock"), "unix:/run/a.sock 0");
  for (const char* wrong : {"", ":", "host", "host:", "1:65536", "1:-1", "1:8x"}) {
    EXPECT_EQ(parsed(wrong), "none") << wrong;
  }
  EXPECT_TRUE(is_loopback("127.0.0.1") && is_loopback("::1") && is_loopback("unix:/a"));
  EXPECT_FALSE(is_loopback("0.0.0.0") || is_loopback("::") || is_loopback("192.168.0.1"));
}

TEST(Aliases, AreANameAndATarget) {
  EXPECT_EQ(parse_alias("a=b:1")->target, "b:1");
  for (const char* wrong : {"a", "=b", "a="}) EXPECT_FALSE(parse_alias(wrong).ok()) << wrong;
}

}  // namespace
}  // namespace accel::cli
