#include "server/gate/keyed_gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <vector>

#include "server/gate/shown_key.h"
#include "server/keys/key_text.h"
#include "server/server.h"
#include "server/service_double.h"

namespace accel::server {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr int64_t kToday = 1'800'000'000;

class KeyedGateTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "accel-gate-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  // A key whose text is "secret-" and its name.
  void add(Key key) {
    key.hash = key_hash("secret-" + key.name);
    ASSERT_TRUE(add_key(folder_ / "keys.yaml", key).ok());
  }
  KeyedGate& make(AdmissionLimits limits = {}) {
    auto opened = KeyFile::open(folder_ / "keys.yaml");
    EXPECT_TRUE(opened.ok()) << opened.status().to_string();
    if (opened.ok()) keys_ = std::move(*opened);
    return make_without_keys(limits);
  }
  KeyedGate& make_without_keys(AdmissionLimits limits = {}) {
    gate_ = std::make_unique<KeyedGate>(GateOptions{.limits = limits,
                                                    .keys = keys_.get(),
                                                    .clock = [this] { return now_; },
                                                    .calendar = [] { return kToday; }});
    return *gate_;
  }
  static http::RequestHead head(http::Headers headers = {}, std::string method = "POST") {
    return {.method = std::move(method),
            .path = "/v1/x",
            .headers = std::move(headers),
            .peer = "10.0.0.1:9"};
  }
  static http::RequestHead with_key(const std::string& name) {
    return head({{"authorization", "Bearer secret-" + name}});
  }
  Refusal refusal(const http::RequestHead& asked, Scope scope = Scope::kInfer) {
    auto entry = gate_->admit(asked, scope);
    auto* found = std::get_if<Refusal>(&entry);
    EXPECT_NE(found, nullptr);
    return found == nullptr ? Refusal() : std::move(*found);
  }
  Admitted admitted(const http::RequestHead& asked, Scope scope = Scope::kInfer) {
    auto entry = gate_->admit(asked, scope);
    const auto* found = std::get_if<Refusal>(&entry);
    EXPECT_EQ(found, nullptr) << found->why.message();
    return found == nullptr ? std::move(std::get<Admitted>(entry)) : Admitted();
  }

  fs::path folder_;
  std::unique_ptr<KeyFile> keys_;
  Clock::time_point now_ = Clock::time_point() + std::chrono::hours(1);
  std::unique_ptr<KeyedGate> gate_;
};

TEST_F(KeyedGateTest, WithoutKeysEverybodyIsAnonymousAndMayDoEverything) {
  make_without_keys({.requests_max = 1});
  for (const Scope scope : {Scope::kPublic, Scope::kInfer, Scope::kAdmin, Scope::kMetrics}) {
    EXPECT_EQ(admitted(head(), scope).visitor.name, "anonymous");
  }
  EXPECT_THAT(admitted(head({{"authorization", "Basic x"}})).visitor.models, IsEmpty());
  const Admitted one = admitted(head());
  EXPECT_EQ(refusal(head()).reason, refused::kFull);  // as far as there is room
}

TEST_F(KeyedGateTest, AKeyIsShownInOneOfThreeHeaders) {
  add({.name = "a"});
  make();
  for (const http::Header& header : std::vector<http::Header>{{"authorization", "Bearer secret-a"},
                                                              {"authorization", "bearer  secret-a"},
                                                              {"x-api-key", "secret-a"},
                                                              {"api-key", " secret-a "}}) {
    EXPECT_EQ(admitted(head({header})).visitor.name, "a") << header.name << header.value;
  }
  http::RequestHead query = head();
  query.query = "api-key=secret-a&key=secret-a";
  EXPECT_EQ(refusal(query).reason, refused::kNoKey);
}

TEST_F(KeyedGateTest, WhoHasNoGoodKeyIsToldWhy) {
  add({.name = "a"});
  add({.name = "old", .expires_seconds = kToday});
  make();
  const auto expect = [&](const http::RequestHead& asked, int status, std::string_view reason,
                          const std::string& words) {
    const Refusal found = refusal(asked);
    EXPECT_EQ(found.status, status);
    EXPECT_EQ(found.reason, reason);
    EXPECT_EQ(found.retry_seconds, 0);
    EXPECT_EQ(found.why.code(), StatusCode::kUnauthenticated);
    EXPECT_THAT(found.why.message(), HasSubstr(words));
    EXPECT_THAT(found.why.message(), Not(HasSubstr("secret")));
  };
  expect(head(), 401, refused::kNoKey, "expected a key, as Authorization: Bearer KEY");
  expect(head({{"authorization", "Bearer "}}), 401, refused::kNoKey, "expected a key");
  expect(with_key("b"), 401, refused::kBadKey, "does not know");
  expect(with_key("old"), 401, refused::kExpiredKey, "this key of 'old' has expired");
  expect(head({{"authorization", "Basic c2VjcmV0LWE6"}, {"x-api-key", "secret-a"}}), 401,
         refused::kBadKey, "Basic is not taken");
  expect(head({{"x-api-key", std::string(513, 'x')}}), 401, refused::kBadKey, "at most 512");
  expect(head({{"x-api-key", "secret\xc3"}}), 401, refused::kBadKey, "expected a key");
}

TEST_F(KeyedGateTest, AKeyIsHeldToItsScopes) {
  add({.name = "a"});
  add({.name = "watcher", .scopes = {Scope::kMetrics}});
  make();
  const Refusal found = refusal(with_key("a"), Scope::kMetrics);
  EXPECT_EQ(found.status, 403);
  EXPECT_EQ(found.reason, refused::kScope);
  EXPECT_EQ(found.why.message(), "expected a key of scope 'metrics', found one of 'a' without it");
  EXPECT_EQ(refusal(with_key("watcher")).reason, refused::kScope);
  admitted(with_key("watcher"), Scope::kMetrics);
  admitted(head(), Scope::kPublic);
}

TEST_F(KeyedGateTest, AVisitorIsAsItsKeySays) {
  add({.name = "a", .models = {"m", "n:2"}, .priority = Priority::kHigh, .bulk = true});
  add({.name = "b", .priority = Priority::kLow});
  make();
  const Visitor visitor = admitted(with_key("a")).visitor;
  EXPECT_GT(visitor.priority, 0);
  EXPECT_TRUE(visitor.bulk);
  EXPECT_TRUE(visitor.may_use("m"));
  EXPECT_TRUE(visitor.may_use("m:7"));
  EXPECT_TRUE(visitor.may_use("n:2"));
  for (const char* model : {"n", "n:1", "mm", "", "m2:1"}) EXPECT_FALSE(visitor.may_use(model));
  EXPECT_LT(admitted(with_key("b")).visitor.priority, 0);
  EXPECT_TRUE(admitted(with_key("b")).visitor.may_use("anything"));
}

TEST_F(KeyedGateTest, ChangedKeysHoldFromTheNextRequestOn) {
  add({.name = "a"});
  make();
  const Admitted inside = admitted(with_key("a"));
  add({.name = "b"});
  EXPECT_EQ(refusal(with_key("b")).reason, refused::kBadKey);
  ASSERT_TRUE(keys_->reload().ok());
  admitted(with_key("b"));
  ASSERT_TRUE(revoke_keys(keys_->path(), "a").ok());
  ASSERT_TRUE(keys_->reload().ok());
  EXPECT_EQ(refusal(with_key("a")).reason, refused::kBadKey);
}

TEST_F(KeyedGateTest, OwnLimitsAre429AndTheHousesAre503) {
  add({.name = "a", .limits = {.requests_per_second = 0.5, .burst = 2}});
  add({.name = "b", .limits = {.concurrent = 1}});
  make({.requests_max = 2});
  admitted(with_key("a"));
  admitted(with_key("a"));
  const Refusal rate = refusal(with_key("a"));
  EXPECT_EQ(rate.status, 429);
  EXPECT_EQ(rate.reason, refused::kRate);
  EXPECT_DOUBLE_EQ(rate.retry_seconds, 2);
  EXPECT_EQ(rate.why.code(), StatusCode::kResourceExhausted);
  const Admitted first = admitted(with_key("b"));
  EXPECT_EQ(refusal(with_key("b")).reason, refused::kConcurrency);
  now_ += std::chrono::seconds(2);
  const Admitted second = admitted(with_key("a"));
  now_ += std::chrono::seconds(2);
  const Refusal full = refusal(with_key("a"));
  EXPECT_EQ(full.status, 503);
  EXPECT_EQ(full.reason, refused::kFull);
  EXPECT_EQ(full.why.code(), StatusCode::kUnavailable);
  EXPECT_GE(full.retry_seconds, 1);
}

TEST_F(KeyedGateTest, WhoWatchesAFullServerIsAnswered) {
  make_without_keys({.requests_max = 1});
  const Admitted inside = admitted(head());
  EXPECT_EQ(admitted(head({}, "GET"), Scope::kMetrics).permit, nullptr);
  EXPECT_EQ(admitted(head({}, "GET"), Scope::kPublic).permit, nullptr);
  EXPECT_EQ(gate_->state().requests, 1);
}

TEST_F(KeyedGateTest, AnOperatorComesInWhenOthersDoNot) {
  add({.name = "a", .scopes = {Scope::kInfer, Scope::kAdmin}});
  make({.requests_max = 10});
  std::vector<Admitted> inside;
  for (int i = 0; i < 9; ++i) inside.push_back(admitted(with_key("a")));
  EXPECT_EQ(refusal(with_key("a")).reason, refused::kPriority);
  admitted(with_key("a"), Scope::kAdmin);
}

TEST_F(KeyedGateTest, BodiesCountAsTheirHeadSays) {
  make_without_keys({.body_bytes_max = 10 << 20});
  const auto bytes = [&](http::Headers headers, std::optional<uint64_t> length) {
    http::RequestHead asked = head(std::move(headers));
    asked.content_length = length;
    const Admitted one = admitted(asked);
    return gate_->state().body_bytes;
  };
  EXPECT_EQ(bytes({}, std::nullopt), 0);
  EXPECT_EQ(bytes({}, 1000), 1000);
  EXPECT_EQ(bytes({{"transfer-encoding", "chunked"}}, std::nullopt), 4 << 20);
  EXPECT_EQ(bytes({{"content-encoding", "gzip"}}, 1000), 4 << 20);
  EXPECT_EQ(bytes({{"content-encoding", "gzip"}}, 5 << 20), 5 << 20);
  http::RequestHead large = head();
  large.content_length = 8 << 20;
  const Admitted inside = admitted(large);
  EXPECT_EQ(refusal(large).reason, refused::kBytes);
}

// What a request was and how long it stood behind others comes from its record.
TEST_F(KeyedGateTest, ARequestsEndIsLearntFrom) {
  add({.name = "a", .limits = {.tokens_per_minute = 60}});
  make();
  Admitted inside = admitted(with_key("a"));
  RequestRecord record{.items = 2, .tokens = 100};
  record.handed_in = now_;
  record.first_answer = now_ + std::chrono::milliseconds(700);
  record.longest = {.prepare = 50, .infer = 100, .finish = 50};
  record.report = std::make_shared<RunReport>();
  inside.permit->ended(record);
  now_ += std::chrono::seconds(1);
  inside.permit.reset();
  EXPECT_EQ(gate_->state().requests, 0);
  EXPECT_NEAR(gate_->state().speed.waited_seconds, 0.5, 1e-9);
  EXPECT_NEAR(gate_->state().speed.work_seconds, 0.5, 1e-9);
  EXPECT_EQ(refusal(with_key("a")).reason, refused::kRate);
}

// What did not run a model says nothing of how fast they run.
TEST_F(KeyedGateTest, LooksAndFailuresAreNoAnswers) {
  make_without_keys();
  const auto pass = [&](const std::string& method, std::shared_ptr<const RunReport> report) {
    Admitted inside = admitted(head({}, method));
    RequestRecord record;
    record.report = std::move(report);
    inside.permit->ended(record);
    now_ += std::chrono::milliseconds(1);
  };
  pass("GET", std::make_shared<RunReport>());
  pass("POST", nullptr);
  { const Admitted left = admitted(head()); }
  EXPECT_EQ(gate_->state().speed.per_second, 0);
  pass("POST", std::make_shared<RunReport>());
  EXPECT_GT(gate_->state().speed.per_second, 0);
}

TEST_F(KeyedGateTest, AServerHoldsThePlaceUntilTheAnswerIsOut) {
  add({.name = "a", .models = {"m"}, .limits = {.tokens_per_minute = 60}});
  make();
  KeyedGate gate({.keys = keys_.get()});
  ServiceDouble service(embeddings_of);
  Server server({}, {.service = service, .gate = gate});
  const std::string body = R"({"model": "m", "input": "a"})";
  {
    const auto exchange = server.open(
        {.method = "POST", .path = "/v1/embeddings", .headers = {{"x-api-key", "secret-a"}}});
    EXPECT_EQ(gate.state().requests, 1);
  }
  EXPECT_EQ(gate.state().requests, 0);
  const auto asked = [&](http::Headers headers) {
    return ask(server, {.method = "POST",
                        .target = "/v1/embeddings",
                        .body = body,
                        .headers = std::move(headers)});
  };
  EXPECT_EQ(asked({{"x-api-key", "secret-a"}}).status, 200);
  EXPECT_EQ(gate.state().requests, 0);
  EXPECT_GT(gate.state().speed.per_second, 0);
  const http::Response none = asked({});
  EXPECT_EQ(none.status, 401);
  EXPECT_EQ(http::find(none.headers, "www-authenticate"), "Bearer");
  EXPECT_EQ(http::find(none.headers, "retry-after"), "");
}

}  // namespace
}  // namespace accel::server
