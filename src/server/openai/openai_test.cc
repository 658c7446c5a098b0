// OpenAI's endpoints: what they ask of the service, and how they write its answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "server/gate.h"
#include "server/server.h"
#include "server/service_double.h"

namespace accel::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class OpenAiTest : public testing::Test {
 protected:
  http::Response post(const std::string& body) {
    return ask(server_, {.method = "POST", .target = "/v1/embeddings", .body = body});
  }
  const service::RunItems& asked() const {
    return std::get<service::RunItems>(service_.requests.back());
  }
  std::string refusal(const std::string& body) {
    const auto response = post(body);
    EXPECT_EQ(response.status, 400) << response.body;
    return (*parse_json(response.body))["error"]["message"];
  }

  ServiceDouble service_{[](const service::Request& request) {
    if (std::holds_alternative<service::RunItems>(request)) return embeddings_of(request);
    service::ServedModels models;
    models.models = {{.state = {.name = "bert", .version = 1}},
                     {.state = {.name = "bert", .version = 2}, .aliases = {"default"}}};
    return std::vector<Result<service::Event>>{service::Event(std::move(models))};
  }};
  std::unique_ptr<Gate> gate_ = make_open_gate();
  Server server_{{.limits = {.items_max = 3}}, {.service = service_, .gate = *gate_}};
};

TEST_F(OpenAiTest, ATextBecomesOneItem) {
  const auto response = post(R"({"input": "a text", "model": "m", "user": "u", "new": [1, {}]})");
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(asked().model, "m");
  EXPECT_EQ(asked().how.task, "sentence-embedding");
  ASSERT_EQ(asked().items.size(), 1);
  EXPECT_EQ(asked().items[0].text, "a text");
  EXPECT_EQ(response.body,
            R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[0,0.5,0.5]}],)"
            R"("model":"m","usage":{"prompt_tokens":4,"total_tokens":4}})");
}

TEST_F(OpenAiTest, SeveralTextsAndIdsKeepTheirOrder) {
  EXPECT_EQ(post(R"({"model": "m", "input": ["a", "b"]})").status, 200);
  EXPECT_EQ(asked().items[1].text, "b");
  EXPECT_EQ(post(R"({"model": "m", "input": [101, 7, 102]})").status, 200);
  ASSERT_EQ(asked().items.size(), 1);
  EXPECT_THAT(*asked().items[0].tokens, ElementsAre(101, 7, 102));
  EXPECT_EQ(post(R"({"model": "m", "input": [[1], [2, 3]]})").status, 200);
  EXPECT_THAT(*asked().items[1].tokens, ElementsAre(2, 3));
}

TEST_F(OpenAiTest, OptionsAreHandedOn) {
  const auto response = post(
      R"({"model": "m", "input": "a", "dimensions": 3, "encoding_format": "base64",
          "prompt_name": "query"})");
  EXPECT_EQ(asked().how.options.dimensions, 3);
  EXPECT_EQ(asked().how.options.prompt, "query");
  // The bytes of 0, 0.5 and 0.5.
  EXPECT_EQ((*parse_json(response.body))["data"][0]["embedding"], "AAAAAAAAAD8AAAA/");
}

TEST_F(OpenAiTest, WhatIsWrongIsNamed) {
  EXPECT_THAT(refusal(R"({"input": "a"})"), HasSubstr("model: expected"));
  EXPECT_THAT(refusal(R"({"model": "m"})"), HasSubstr("input: expected"));
  EXPECT_THAT(refusal(R"({"model": "m", "input": []})"), HasSubstr("input: expected"));
  EXPECT_THAT(refusal(R"({"model": "m", "input": ["a", 1]})"), HasSubstr("not mixed"));
  EXPECT_THAT(refusal(R"({"model": "m", "input": [1, "a"]})"), HasSubstr("not mixed"));
  EXPECT_THAT(refusal(R"({"model": "m", "input": [-1]})"), HasSubstr("-1"));
  EXPECT_THAT(refusal(R"({"model": "m", "input": [[3000000000]]})"), HasSubstr("3000000000"));
  EXPECT_THAT(refusal(R"({"model": "m", "input": ["a","a","a","a"]})"), HasSubstr("at most 3"));
  EXPECT_THAT(refusal(R"({"model": 7, "input": "a"})"), HasSubstr("model: expected a string"));
  EXPECT_THAT(refusal(R"({"model": "m", "input": "a", "dimensions": 0})"), HasSubstr("at least 1"));
  EXPECT_THAT(refusal(R"({"model": "m", "input": "a", "encoding_format": "hex"})"),
              HasSubstr("\"hex\""));
  EXPECT_FALSE(refusal("").empty());
  EXPECT_FALSE(refusal("[]").empty());
  EXPECT_FALSE(refusal("{\"model\": \"m\", \"input\": \"\xff\"}").empty());
  EXPECT_TRUE(service_.requests.empty());
}

TEST_F(OpenAiTest, ModelsAreListedOnceEachWithTheirOtherNames) {
  const auto response = ask(server_, {.target = "/v1/models"});
  std::vector<std::string> names;
  const Json list = *parse_json(response.body);
  for (const Json& model : list["data"]) names.push_back(model["id"]);
  EXPECT_THAT(names, ElementsAre("bert", "default"));
  const auto one = ask(server_, {.target = "/v1/models/default"});
  EXPECT_EQ((*parse_json(one.body))["id"], "default");
  EXPECT_EQ(std::get<service::Describe>(service_.requests.back()).model, "default");
}

}  // namespace
}  // namespace accel::server
