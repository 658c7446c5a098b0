#include "client/remote_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::client {
namespace {

using testing::ElementsAre;

TEST(RemoteModel, FactsAreOfTheConfiguration) {
  const auto facts = parse_facts(R"({"name": "m", "parameters": {
      "task": {"string_value": "fill-mask"}, "embedding_size": {"string_value": "384"}}})");
  ASSERT_TRUE(facts.ok()) << facts.status().message();
  EXPECT_EQ(facts->task, "fill-mask");
  EXPECT_EQ(facts->embedding_size, 384);
  for (const char* text : {"", "[]", "{}", R"({"parameters": 3})",
                           R"({"parameters": {"embedding_size": {"string_value": 3}}})",
                           R"({"parameters": {"embedding_size": {"string_value": "-3"}}})"}) {
    EXPECT_EQ(parse_facts(text).status().code(), StatusCode::kUnavailable) << text;
  }
}

TEST(RemoteModel, EachModelIsListedOnce) {
  EXPECT_THAT(*parse_model_names(R"([{"name": "a", "version": "1"}, {"name": "b"},
                                     {"name": "a", "version": "2"}, 3, {"name": 4}])"),
              ElementsAre("a", "b"));
  EXPECT_EQ(parse_model_names("{}").status().code(), StatusCode::kUnavailable);
}

TEST(RemoteModel, AKeyThatNoHeaderMayHoldIsRefusedUnseen) {
  const Status status =
      ServerClient::create({.url = "http://localhost", .key = "sec\r\nret"}).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message().find("sec"), std::string::npos);
}

}  // namespace
}  // namespace accel::client
