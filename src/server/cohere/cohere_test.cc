// Cohere's and Jina's endpoints: what they ask of the service, and how they write its answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/json.h"
#include "server/gate.h"
#include "server/server.h"
#include "server/service_double.h"

namespace accel::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class CohereTest : public testing::Test {
 protected:
  http::Response post(const std::string& body, const std::string& path = "/v2/rerank") {
    return ask(server_, {.method = "POST", .target = path, .body = body});
  }
  std::string refusal(const std::string& body) {
    const http::Response response = post(body);
    EXPECT_EQ(response.status, 400) << response.body;
    EXPECT_TRUE(service_.requests.empty());
    const Json error = *parse_json(response.body);
    EXPECT_EQ(error.size(), 1);
    return error["message"];
  }
  const service::RunItems& asked() const {
    return std::get<service::RunItems>(service_.requests.back());
  }

  TaskResult result_{.answer = Ranking{{1, 0.75, "y"}, {0, 0.25, "x"}}, .truncated = true};
  Status failure_;
  ServiceDouble service_{[this](const service::Request&) {
    std::vector<Result<service::Event>> events;
    service::ItemAnswer answer{0, ItemResult{.result = result_, .tokens = 9}};
    if (!failure_.ok()) answer.result = failure_;
    events.emplace_back(std::move(answer));
    return events;
  }};
  std::unique_ptr<Gate> gate_ = make_open_gate();
  Server server_{{.limits = {.items_max = 3}}, {.service = service_, .gate = *gate_}};
};

TEST_F(CohereTest, DocumentsAreRankedBestFirst) {
  const auto response = post(R"({"model": "m", "query": "q", "documents": ["x", {"text": "y",
      "title": "t"}], "max_tokens_per_doc": 7, "new": {}})");
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.body,
            R"({"model":"m","results":[{"index":1,"relevance_score":0.75},)"
            R"({"index":0,"relevance_score":0.25}],"meta":{"api_version":{"version":"2"},)"
            R"("tokens":{"input_tokens":9}},"usage":{"prompt_tokens":9,"total_tokens":9}})");
  EXPECT_EQ(asked().model, "m");
  EXPECT_EQ(asked().how.task, "text-ranking");
  EXPECT_EQ(asked().how.options.function, "sigmoid");
  EXPECT_EQ(asked().how.options.top_k, std::nullopt);
  ASSERT_EQ(asked().items.size(), 1);
  EXPECT_EQ(asked().items[0].text, "q");
  EXPECT_THAT(asked().items[0].choices, ElementsAre("x", "y"));
}

TEST_F(CohereTest, DocumentsComeBackWhereAskedFor) {
  const auto response = post(R"({"model": "m", "query": "q", "documents": ["x", "y"], "top_n": 2,
      "return_documents": true, "rank_fields": ["text"]})",
                             "/v1/rerank");
  const Json answer = *parse_json(response.body);
  EXPECT_EQ(answer["results"][0]["document"]["text"], "y");
  EXPECT_EQ(answer["results"][1]["document"]["text"], "x");
  EXPECT_EQ(answer["meta"]["api_version"]["version"], "1");
  EXPECT_EQ(asked().how.options.top_k, 2);
}

TEST_F(CohereTest, WhatIsWrongIsNamed) {
  EXPECT_THAT(refusal(R"({"query": "q", "documents": ["x"]})"), HasSubstr("model: expected"));
  EXPECT_THAT(refusal(R"({"model": "m", "documents": ["x"]})"), HasSubstr("query: expected"));
  EXPECT_THAT(refusal(R"({"model": "m", "query": "q"})"), HasSubstr("documents: expected a text"));
  EXPECT_THAT(refusal(R"({"model": "m", "query": "q", "documents": []})"),
              HasSubstr("documents: expected a text"));
  EXPECT_THAT(refusal(R"({"model": "m", "query": "q", "documents": "x"})"),
              HasSubstr("documents: expected an array"));
  EXPECT_THAT(refusal(R"({"model": "m", "query": "q", "documents": ["x", 7]})"),
              HasSubstr("documents[1]: expected a text, or an object"));
  EXPECT_THAT(refusal(R"({"model": "m", "query": "q", "documents": [{"title": "x"}]})"),
              HasSubstr("documents[0]: expected a text, or an object"));
  EXPECT_THAT(refusal(R"({"model": "m", "query": "q", "documents": [{"text": 7}]})"),
              HasSubstr("documents[0].text"));
  EXPECT_THAT(refusal(R"({"model": "m", "query": "q", "documents": ["a", "a", "a", "a"]})"),
              HasSubstr("documents: expected at most 3"));
  EXPECT_THAT(refusal(R"({"model": "m", "query": "q", "documents": ["x"], "top_n": 0})"),
              HasSubstr("top_n: expected at least 1"));
  EXPECT_THAT(refusal(R"({"model": "m", "query": "q", "documents": ["x"], "rank_fields": ["t"]})"),
              HasSubstr("rank_fields"));
  EXPECT_THAT(refusal(R"({"model": "m", "query": 7, "documents": ["x"]})"), HasSubstr("query"));
  EXPECT_FALSE(refusal("").empty());
}

TEST_F(CohereTest, FailuresOfTheModelAreTold) {
  const std::string body = R"({"model": "m", "query": "q", "documents": ["x"]})";
  failure_ = failed_precondition("it does not rank");
  const auto response = post(body);
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.body, R"({"message":"it does not rank"})");
  failure_ = {};
  result_.answer = Ranking{{0, std::numeric_limits<double>::quiet_NaN(), "x"}};
  EXPECT_EQ(post(body).status, 500);
  result_.answer = Labels{};
  EXPECT_EQ(post(body).status, 500);
}

}  // namespace
}  // namespace accel::server
