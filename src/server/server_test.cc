// The server before a double of the service: what all endpoints have in common.
#include "server/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "server/http/coding.h"
#include "server/service_double.h"

namespace accel::server {
namespace {

using testing::HasSubstr;

class ServerTest : public testing::Test {
 protected:
  Server& make(ServerOptions options = {}) {
    server_ = std::make_unique<Server>(
        std::move(options),
        ServerParts{.service = service_,
                    .gate = *gate_,
                    .observers = {[this](const RequestRecord& one) { records_.push_back(one); }}});
    return *server_;
  }
  static Asking embeddings(std::string body, http::Headers headers = {}) {
    return {.method = "POST",
            .target = "/v1/embeddings",
            .body = std::move(body),
            .headers = std::move(headers)};
  }
  static std::string value(const http::Response& response, std::string_view name) {
    return std::string(http::find(response.headers, name));
  }

  ServiceDouble service_{embeddings_of};
  std::unique_ptr<Gate> gate_ = make_open_gate();
  std::vector<RequestRecord> records_;
  std::unique_ptr<Server> server_;
};

const std::string kTwoTexts = R"({"model": "m", "input": ["a", "b"]})";

TEST_F(ServerTest, AnAnswerSaysWhatRanAndHowLong) {
  const auto response = ask(make(), embeddings(kTwoTexts));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(value(response, "x-accel-backend"), "openvino");
  EXPECT_EQ(value(response, "x-accel-device"), "CPU");
  EXPECT_EQ(value(response, "x-accel-precision"), "f32");
  EXPECT_EQ(value(response, "x-accel-fallback"), "");
  EXPECT_THAT(value(response, "server-timing"), HasSubstr("infer;dur=3.000"));
  EXPECT_EQ(value(response, "x-request-id").size(), 16);
  const Json json = *parse_json(response.body);
  EXPECT_EQ(json["data"][1]["embedding"][0], 1);  // though it came first
}

TEST_F(ServerTest, TheClientsOwnRequestIdComesBackUnlessItIsNone) {
  make();
  EXPECT_EQ(
      value(ask(*server_, embeddings(kTwoTexts, {{"x-request-id", "a-1.b_2:c"}})), "x-request-id"),
      "a-1.b_2:c");
  for (const std::string& id : {std::string("a b"), std::string(129, 'a'), std::string("\"")}) {
    EXPECT_NE(value(ask(*server_, embeddings(kTwoTexts, {{"x-request-id", id}})), "x-request-id"),
              id);
  }
}

TEST_F(ServerTest, ARequestsTimeIsItsHeadersElseTheServers) {
  make({.timeout_seconds = 7});
  ask(*server_, embeddings(kTwoTexts));
  ask(*server_, embeddings(kTwoTexts, {{"x-request-timeout-ms", "250"}}));
  EXPECT_EQ(std::get<service::RunItems>(service_.requests[0]).how.timeout_ms, 7000);
  EXPECT_EQ(std::get<service::RunItems>(service_.requests[1]).how.timeout_ms, 250);
  for (const char* wrong : {"", "0", "-1", "soon", "1e999", "nan", "inf"}) {
    const auto response = ask(*server_, embeddings(kTwoTexts, {{"x-request-timeout-ms", wrong}}));
    EXPECT_EQ(response.status, 400) << wrong;
  }
}

TEST_F(ServerTest, OnlyOneItemThatIsAloneMayRunOnItsConnectionsThread) {
  make({.here_ms = 5});
  const auto here_ms = [&] {
    return std::get<service::RunItems>(service_.requests.back()).how.here_ms;
  };
  const std::string one = R"({"model": "m", "input": "a"})";
  ask(*server_, embeddings(one));
  EXPECT_EQ(here_ms(), 5);
  ask(*server_, embeddings(kTwoTexts));
  EXPECT_EQ(here_ms(), 0);
  const auto other = server_->open({.method = "POST", .path = "/v1/embeddings"});
  ask(*server_, embeddings(one));
  EXPECT_EQ(here_ms(), 0);
}

TEST_F(ServerTest, WhatIsNoEndpointIsSaid) {
  make();
  EXPECT_EQ(ask(*server_, {.target = "/v1/nothing"}).status, 404);
  EXPECT_TRUE((*parse_json(ask(*server_, {.target = "/v1/nothing"}).body))["error"].is_object());
  EXPECT_TRUE((*parse_json(ask(*server_, {.target = "/v2/nothing"}).body))["error"].is_string());
  const auto wrong = ask(*server_, {.method = "DELETE", .target = "/v1/embeddings"});
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(value(wrong, "allow"), "POST");
  EXPECT_EQ(ask(*server_, {.method = "OPTIONS", .target = "/v1/embeddings"}).status, 204);
}

TEST_F(ServerTest, ErrorsOfTheServiceHaveTheEndpointsShape) {
  ServiceDouble failing(
      [](const service::Request&) { return std::vector<Result<service::Event>>{not_found("m")}; });
  Server server({}, {.service = failing, .gate = *gate_});
  const auto response = ask(server, embeddings(kTwoTexts));
  EXPECT_EQ(response.status, 404);
  const Json error = (*parse_json(response.body))["error"];
  EXPECT_EQ(error["type"], "not_found_error");
  EXPECT_EQ(error["message"], "m");
  EXPECT_TRUE(error["param"].is_null());
}

TEST_F(ServerTest, AQueueThatIsFullIsSaidWithWhenToComeAgain) {
  ServiceDouble full([](const service::Request&) {
    return std::vector<Result<service::Event>>{
        service::Event(service::ItemAnswer{0, resource_exhausted("too much waits")})};
  });
  Server server({}, {.service = full, .gate = *gate_});
  const auto response = ask(server, embeddings(R"({"model": "m", "input": "a"})"));
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(value(response, "retry-after"), "1");
}

TEST_F(ServerTest, ReadinessIsTheServersOwnAndLifeIsNot) {
  make();
  EXPECT_EQ(ask(*server_, {.target = "/livez"}).status, 200);
  EXPECT_EQ(ask(*server_, {.target = "/readyz"}).status, 503);
  EXPECT_THAT(ask(*server_, {.target = "/v2/health/ready"}).body, HasSubstr("\"error\":\""));
  server_->state().set_ready(true);
  EXPECT_EQ(ask(*server_, {.target = "/readyz"}).status, 200);
  EXPECT_EQ(ask(*server_, {.target = "/v2/health/ready"}).status, 200);
}

TEST_F(ServerTest, PagesOfOtherOriginsReadAnswersOnlyWhereAllowed) {
  make({.origins = {"https://a.example"}});
  const auto answer = [&](const char* origin) {
    return ask(*server_, embeddings(kTwoTexts, {{"origin", origin}}));
  };
  EXPECT_EQ(value(answer("https://a.example"), "access-control-allow-origin"), "https://a.example");
  EXPECT_EQ(value(answer("https://b.example"), "access-control-allow-origin"), "");
  const auto preflight =
      ask(*server_, {.method = "OPTIONS",
                     .target = "/v1/embeddings",
                     .headers = {{"origin", "https://a.example"},
                                 {"access-control-request-method", "POST"},
                                 {"access-control-request-headers", "authorization"}}});
  EXPECT_EQ(value(preflight, "access-control-allow-methods"), "POST");
  EXPECT_EQ(value(preflight, "access-control-allow-headers"), "authorization");
}

TEST_F(ServerTest, LargeAnswersAreCompressedForClientsThatTakeIt) {
  make({.compression = Compression::kAlways, .compress_bytes_min = 64});
  const auto plain = ask(*server_, embeddings(kTwoTexts));
  const auto packed = ask(*server_, embeddings(kTwoTexts, {{"accept-encoding", "br, gzip"}}));
  EXPECT_EQ(value(plain, "content-encoding"), "");
  EXPECT_EQ(value(packed, "content-encoding"), "gzip");
  EXPECT_EQ(*http::decode(http::Coding::kGzip, packed.body, 1 << 20), plain.body);
  make({.compression = Compression::kRemote, .compress_bytes_min = 64});  // who asks is local
  const auto local = ask(*server_, embeddings(kTwoTexts, {{"accept-encoding", "gzip"}}));
  EXPECT_EQ(value(local, "content-encoding"), "");
}

TEST_F(ServerTest, EachRequestIsToldOnceWhenItHasEnded) {
  make();
  ask(*server_, embeddings(kTwoTexts));
  ask(*server_, {.target = "/nothing"});
  { const auto left = server_->open({.method = "POST", .path = "/v1/embeddings"}); }
  ASSERT_EQ(records_.size(), 3);
  EXPECT_EQ(records_[0].endpoint, "/v1/embeddings");
  EXPECT_EQ(records_[0].model, "m");
  EXPECT_EQ(records_[0].items, 2);
  EXPECT_EQ(records_[0].tokens, 8);
  EXPECT_EQ(records_[0].padded_tokens, 2);
  EXPECT_EQ(records_[0].status, 200);
  EXPECT_LE(records_[0].arrived, records_[0].handed_in);
  EXPECT_LE(records_[0].first_answer, records_[0].ended);
  EXPECT_EQ(records_[1].status, 404);
  EXPECT_EQ(records_[2].status, 499);
}

// Refuses with what it is told to.
class ClosedGate : public Gate {
 public:
  std::variant<Admitted, Refusal> admit(const http::RequestHead&, Scope) override {
    return refusal;
  }
  Refusal refusal{.why = Status(StatusCode::kResourceExhausted, "slowly"),
                  .status = 429,
                  .retry_seconds = 2.2,
                  .reason = "rate"};
};

TEST_F(ServerTest, WhoIsTurnedAwayCostsNothing) {
  ClosedGate gate;
  Server server({}, {.service = service_,
                     .gate = gate,
                     .observers = {[this](const RequestRecord& one) { records_.push_back(one); }}});
  const auto exchange = server.open({.method = "POST", .path = "/v1/embeddings"});
  const auto part = exchange->try_next();  // before a byte of a body
  ASSERT_TRUE(part && part->head);
  EXPECT_EQ(part->head->status, 429);
  EXPECT_EQ(http::find(part->head->headers, "retry-after"), "3");
  EXPECT_TRUE(exchange->ended());
  EXPECT_TRUE(service_.requests.empty());
}

// Lets those in who may use one model only.
class NarrowGate : public Gate {
 public:
  std::variant<Admitted, Refusal> admit(const http::RequestHead&, Scope) override {
    return Admitted{.visitor = {.name = "narrow", .priority = 3, .bulk = true, .models = {"m"}}};
  }
};

TEST_F(ServerTest, AKeyIsHeldToItsModelsAndItsClass) {
  NarrowGate gate;
  Server server({}, {.service = service_, .gate = gate});
  EXPECT_EQ(ask(server, embeddings(kTwoTexts)).status, 200);
  const auto& how = std::get<service::RunItems>(service_.requests[0]).how;
  EXPECT_EQ(how.priority, 3);
  EXPECT_TRUE(how.bulk);
  EXPECT_EQ(ask(server, embeddings(R"({"model": "n", "input": "a"})")).status, 403);
  EXPECT_EQ(service_.requests.size(), 1);
}

TEST_F(ServerTest, AListenerHasTheEndpointsOfItsScopesOnly) {
  make({.scopes = {Scope::kMetrics, Scope::kPublic}});
  EXPECT_EQ(ask(*server_, {.target = "/metrics"}).status, 200);
  EXPECT_EQ(ask(*server_, {.target = "/livez"}).status, 200);
  EXPECT_EQ(ask(*server_, embeddings(kTwoTexts)).status, 404);
}

TEST_F(ServerTest, TheOpenApiFileSaysWhatPathsTakeAndWhatErrorsLookLike) {
  make();
  const Json file = *parse_json(ask(*server_, {.target = "/openapi.json"}).body);
  const Json& ready = file["paths"]["/v2/models/{model}/versions/{version}/config"]["get"];
  EXPECT_EQ(ready["parameters"][0]["schema"]["pattern"], "^[^/\\u0000-\\u001F\\u007F]+$");
  EXPECT_EQ(ready["parameters"][1]["schema"]["pattern"], "^[1-9][0-9]{0,8}$");
  const auto schema_of = [&](const char* status) {
    return ready["responses"][status]["content"]["application/json"]["schema"];
  };
  EXPECT_EQ(schema_of("504")["$ref"], "#/components/schemas/PlainError");
  // HTTP may refuse before the endpoint is known.
  for (const char* status : {"400", "408", "413", "415", "431"}) {
    EXPECT_EQ(schema_of(status)["anyOf"][0]["$ref"], "#/components/schemas/PlainError") << status;
    EXPECT_EQ(schema_of(status)["anyOf"][1]["$ref"], "#/components/schemas/OpenAiError") << status;
  }
  const Json& models = file["paths"]["/v1/models"]["get"];
  EXPECT_EQ(models["responses"]["400"]["content"]["application/json"]["schema"]["$ref"],
            "#/components/schemas/OpenAiError");
}

TEST_F(ServerTest, TheOpenApiFileAndThePageNameEveryEndpoint) {
  make();
  const Json file = *parse_json(ask(*server_, {.target = "/openapi.json"}).body);
  EXPECT_EQ(file["openapi"], "3.1.0");
  const std::string page = ask(*server_, {.headers = {{"host", "h<i>:1"}}}).body;
  EXPECT_THAT(page, HasSubstr("h&lt;i&gt;:1"));
  for (const Endpoint& endpoint : endpoints()) {
    const Json& path = file["paths"][std::string(endpoint.path)];
    EXPECT_FALSE(path.empty()) << endpoint.path;
    EXPECT_THAT(page, HasSubstr(endpoint.path));
    for (const auto& [method, operation] : path.items()) {
      EXPECT_TRUE(operation.contains("responses")) << endpoint.path;
      EXPECT_FALSE(operation["summary"].empty()) << endpoint.path;
    }
  }
}

}  // namespace
}  // namespace accel::server
