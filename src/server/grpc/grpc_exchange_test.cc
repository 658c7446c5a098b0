#include "server/grpc/grpc_exchange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "server/grpc/call_double.h"
#include "server/grpc/messages.h"
#include "server/grpc/status_headers.h"

namespace accel::server::grpc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Answers a message with itself, when it is let; one that begins with '!' with an error.
class EchoExchange : public http::Exchange {
 public:
  explicit EchoExchange(std::map<std::string, std::function<void()>>& waiting)
      : waiting_(waiting) {}
  uint64_t body_bytes_max() const override { return 100; }
  void begin(std::string body) override {
    body_ = std::move(body);
    there_ = !body_.starts_with("later");
    waiting_[body_] = [this] {
      there_ = true;
      if (waker_) waker_();
    };
  }
  std::optional<http::Part> try_next() override {
    if (!there_ || ended_) return std::nullopt;
    ended_ = true;
    http::ResponseHead head{.headers = {{"x-request-id", "1"}}, .length = body_.size()};
    if (body_.starts_with('!')) {
      head.status = 404;
      head.headers = status_headers(not_found(body_));
      return http::Part{.head = std::move(head)};
    }
    return http::Part{.head = std::move(head), .body = body_};
  }
  bool ended() const override { return ended_; }
  void notify(std::function<void()> waker) override {
    if (there_) return waker();
    waker_ = std::move(waker);
  }

 private:
  std::map<std::string, std::function<void()>>& waiting_;
  std::string body_;
  bool there_ = false;
  bool ended_ = false;
  std::function<void()> waker_;
};

std::string error_text(const Status& status) { return "error: " + status.message(); }

class GrpcExchangeTest : public testing::Test {
 protected:
  std::unique_ptr<http::Exchange> open(bool many, http::Headers headers = {}) {
    return make_grpc_exchange(headers,
                              {.open = [this] { return std::make_unique<EchoExchange>(waiting_); },
                               .message_bytes_max = 100,
                               .error_message = many ? error_text : nullptr});
  }
  static std::string body_of(std::initializer_list<std::string_view> messages) {
    std::string body;
    for (const std::string_view message : messages) append_message(message, body);
    return body;
  }
  CallAnswer& pull(http::Exchange& exchange) {
    pull_answer(exchange, answer_, reader_);
    return answer_;
  }

  std::map<std::string, std::function<void()>> waiting_;  // by the message
  CallAnswer answer_{.status = {StatusCode::kUnknown, "no end"}};
  MessageReader reader_{http::Coding::kIdentity, 1000};
};

TEST_F(GrpcExchangeTest, OneMessageIsAnsweredByOne) {
  const auto exchange = open(false);
  const std::string body = body_of({"hello"});
  for (const char c : body) exchange->more({&c, 1}, false);
  exchange->more({}, true);
  pull(*exchange);
  EXPECT_THAT(answer_.messages, ElementsAre("hello"));
  EXPECT_TRUE(answer_.status.ok());
  EXPECT_EQ(http::find(answer_.headers, "content-type"), "application/grpc");
  EXPECT_EQ(http::find(answer_.headers, "x-request-id"), "1");
  EXPECT_TRUE(exchange->ended());
}

TEST_F(GrpcExchangeTest, AnErrorStandsInPlaceOfTheAnswer) {
  const auto exchange = open(false);
  exchange->more(body_of({"!none"}), true);
  pull(*exchange);
  EXPECT_TRUE(answer_.messages.empty());
  EXPECT_EQ(answer_.status.code(), StatusCode::kNotFound);
  EXPECT_EQ(answer_.status.message(), "!none");
}

TEST_F(GrpcExchangeTest, OfOneMessageThereIsOne) {
  for (const std::string& body :
       {body_of({"a", "b"}), std::string(), body_of({"abc"}).substr(0, 6)}) {
    const auto exchange = open(false);
    exchange->more(body, true);
    answer_ = {};
    pull(*exchange);
    EXPECT_EQ(answer_.status.code(), StatusCode::kInvalidArgument);
    EXPECT_TRUE(exchange->ended());
  }
}

TEST_F(GrpcExchangeTest, ManyAreAnsweredInTheirOrder) {
  const auto exchange = open(true);
  exchange->more(body_of({"later 1", "2", "!3"}), false);
  EXPECT_TRUE(pull(*exchange).messages.empty());
  bool woken = false;
  exchange->notify([&] { woken = true; });
  EXPECT_FALSE(woken);
  waiting_["later 1"]();
  EXPECT_TRUE(woken);
  EXPECT_THAT(pull(*exchange).messages, ElementsAre("later 1", "2", "error: !3"));
  EXPECT_FALSE(exchange->ended());
  exchange->more(body_of({"4"}), true);
  EXPECT_THAT(pull(*exchange).messages, ElementsAre("later 1", "2", "error: !3", "4"));
  EXPECT_TRUE(exchange->ended());
  EXPECT_TRUE(answer_.status.ok());
}

TEST_F(GrpcExchangeTest, ANewMessageWakesWhoWaitsForAnAnswer) {
  const auto exchange = open(true);
  int woken = 0;
  exchange->notify([&] { ++woken; });
  exchange->more(body_of({"a"}), false);
  EXPECT_EQ(woken, 1);
  EXPECT_THAT(pull(*exchange).messages, ElementsAre("a"));
}

TEST_F(GrpcExchangeTest, WhoAsksFasterThanAnswersComeIsHeldBack) {
  const auto exchange = open(true);
  const std::string large(90, 'x');
  uint64_t sent = 0;
  exchange->more(body_of({"later"}), false);
  for (; exchange->hungry() && sent < 100'000; ++sent) exchange->more(body_of({large}), false);
  EXPECT_LT(sent, 100'000);
  waiting_["later"]();
  EXPECT_EQ(pull(*exchange).messages.size(), sent + 1);
  EXPECT_TRUE(exchange->hungry());
}

TEST_F(GrpcExchangeTest, AnUnknownCompressionIsRefused) {
  const auto exchange = open(false, {{"grpc-encoding", "zstd"}});
  pull(*exchange);
  EXPECT_EQ(answer_.status.code(), StatusCode::kUnimplemented);
  EXPECT_THAT(answer_.status.message(), HasSubstr("gzip"));
}

}  // namespace
}  // namespace accel::server::grpc
