// The state machine against nghttp2's client, without sockets, and at times that the test says.
#include "server/http/http2_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/http/coding.h"
#include "server/http/http2_test_client.h"

namespace accel::http {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

// What stands for the connection. "/stretch/NAME" is an exchange that takes stretches.
class TestHost : public Http2Host {
 public:
  std::unique_ptr<Exchange> open(RequestHead head) override {
    if (head.path.starts_with("/stretch/")) {
      return std::make_unique<StretchExchange>(stretches(head.path.substr(9)));
    }
    try {
      return handler.open(std::move(head));
    } catch (const std::exception&) {
      return nullptr;
    }
  }
  Response refusal(const Refusal& why) override {
    Response response = handler.refuse(why.status, why.why);
    response.headers.insert(response.headers.end(), why.headers.begin(), why.headers.end());
    return response;
  }
  std::function<void()> waker(int32_t stream) override {
    return [this, stream] { woken.push_back(stream); };
  }
  std::shared_ptr<Stretches> stretches(const std::string& name) {
    auto& found = stretches_[name];
    if (found == nullptr) found = std::make_shared<Stretches>();
    return found;
  }

  TestHandler handler{3 << 20};
  std::vector<int32_t> woken;

 private:
  std::map<std::string, std::shared_ptr<Stretches>> stretches_;
};

// A session, its client, and what lies between.
struct Pair {
  explicit Pair(HttpServerOptions with = {}, Http2Client::Options client_options = {})
      : options(with), client(client_options) {}

  // Until neither has anything to say.
  void settle() {
    for (;;) {
      for (const int32_t stream : std::exchange(host.woken, {})) session.woken(stream, now);
      const std::string asked = client.take();
      if (!asked.empty()) session.feed(asked, now);
      std::string said;
      session.pull(said, 1 << 20, now);
      if (!said.empty()) client.feed(said);
      if (asked.empty() && said.empty() && host.woken.empty()) return;
    }
  }
  void pass(double seconds) {
    now += std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    if (now >= session.due()) session.look(now);
    settle();
  }
  std::shared_ptr<Script> script(const std::string& name) { return host.handler.script(name); }

  using Clock = std::chrono::steady_clock;
  HttpServerOptions options;
  Counters counters;
  TestHost host;
  Http2Session::Time now = Clock::time_point(std::chrono::hours(1));
  Http2Session session{options, counters, host, now};
  Http2Client client;
};

void answer(Script& script, const std::string& body) {
  script.give({.head = ResponseHead{.length = body.size()}, .body = body});
  script.end();
}

TEST(Http2Session, AnswersManyAtATime) {
  Pair pair;
  std::vector<int32_t> streams;
  for (int i = 0; i < 100; ++i) {
    streams.push_back(pair.client.ask("POST", "/script/" + std::to_string(i), "ask"));
  }
  pair.settle();
  EXPECT_FALSE(pair.session.idle());
  for (int i = 99; i >= 0; --i) {
    const auto script = pair.script(std::to_string(i));
    EXPECT_EQ(script->body(), "ask");
    EXPECT_GE(script->spare(), 64u);
    answer(*script, "answer " + std::to_string(i));
    pair.settle();
    EXPECT_TRUE(script->destroyed());
    EXPECT_EQ(pair.client.answer(streams[static_cast<size_t>(i)]).body,
              "answer " + std::to_string(i));
    EXPECT_TRUE(pair.client.answer(streams[static_cast<size_t>(i)]).ended);
  }
  EXPECT_TRUE(pair.session.idle());
  EXPECT_EQ(pair.counters.requests, 100u);
  EXPECT_EQ(pair.counters.abandoned, 0u);
}

TEST(Http2Session, ReadsHeads) {
  Pair pair;
  pair.client.ask("POST", "/a%20b?c=%20d", "x",
                  {{"cookie", "a=1"}, {"content-length", "1"}, {"x-y", "z"}, {"cookie", "b=2"}});
  pair.client.ask_fields({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"host", "h:1"}},
                         std::nullopt);
  pair.settle();
  const std::vector<RequestHead> heads = pair.host.handler.heads();
  ASSERT_EQ(heads.size(), 2u);
  EXPECT_EQ(heads[0].method, "POST");
  EXPECT_EQ(heads[0].path, "/a b");
  EXPECT_EQ(heads[0].query, "c=%20d");
  EXPECT_EQ(heads[0].content_length, 1u);
  EXPECT_TRUE(heads[0].http2);
  EXPECT_EQ(find(heads[0].headers, "cookie"), "a=1; b=2");
  EXPECT_EQ(find(heads[0].headers, "x-y"), "z");
  EXPECT_EQ(find(heads[0].headers, "host"), "test");
  EXPECT_EQ(find(heads[1].headers, "host"), "h:1");
  EXPECT_FALSE(heads[1].content_length);
}

TEST(Http2Session, WritesHeadsAndTrailers) {
  Pair pair;
  const int32_t whole = pair.client.ask("GET", "/script/whole");
  const int32_t empty = pair.client.ask("GET", "/script/empty");
  const int32_t none = pair.client.ask("GET", "/script/none");
  const int32_t open = pair.client.ask("GET", "/script/open");
  const int32_t strange = pair.client.ask("GET", "/headers");
  const int32_t head = pair.client.ask("HEAD", "/hello");
  pair.settle();
  pair.script("whole")->give({.head = ResponseHead{.headers = {{"X-Name", " value "}}, .length = 2},
                              .body = "ok",
                              .trailers = {{"grpc-status", "0"}}});
  pair.script("whole")->end();
  pair.script("empty")->give({.head = ResponseHead{}, .trailers = {{"grpc-status", "5"}}});
  pair.script("empty")->end();
  pair.script("none")->give({.head = ResponseHead{.status = 204}});
  pair.script("none")->end();
  pair.script("open")->give({.head = ResponseHead{}, .body = "one"});
  pair.settle();
  EXPECT_EQ(pair.client.answer(open).body, "one");
  EXPECT_FALSE(pair.client.answer(open).ended);
  pair.script("open")->give({.body = "two"});
  pair.settle();
  pair.script("open")->give({.trailers = {{"grpc-status", "7"}}});
  pair.script("open")->end();
  pair.settle();

  for (const int32_t stream : {whole, empty, none, open, strange, head}) {
    EXPECT_TRUE(pair.client.answer(stream).ended) << stream;
    EXPECT_FALSE(pair.client.answer(stream).reset) << stream;
    EXPECT_THAT(std::string(find(pair.client.answer(stream).headers, "date")), HasSubstr("GMT"));
  }
  EXPECT_EQ(find(pair.client.answer(whole).headers, "content-length"), "2");
  EXPECT_EQ(find(pair.client.answer(whole).headers, "x-name"), "value");
  EXPECT_EQ(find(pair.client.answer(whole).trailers, "grpc-status"), "0");
  EXPECT_EQ(find(pair.client.answer(empty).trailers, "grpc-status"), "5");
  EXPECT_EQ(pair.client.answer(none).status, 204);
  EXPECT_EQ(pair.client.answer(open).body, "onetwo");
  EXPECT_EQ(find(pair.client.answer(open).trailers, "grpc-status"), "7");
  EXPECT_EQ(find(pair.client.answer(strange).headers, "x-broken"), "a  b: c d");
  EXPECT_EQ(find(pair.client.answer(strange).headers, "content-length"), "1");
  EXPECT_EQ(find(pair.client.answer(head).headers, "content-length"), "6");
  EXPECT_EQ(pair.client.answer(head).body, "");
}

TEST(Http2Session, DecodesAndBoundsBodies) {
  Pair pair;
  const std::string large(3 << 20, 'x');
  const int32_t fits = pair.client.ask("POST", "/script/fits", large);
  const int32_t coded = pair.client.ask("POST", "/script/coded", encode(Coding::kGzip, large),
                                        {{"content-encoding", "gzip"}});
  const int32_t said =
      pair.client.ask_open("POST", "/echo", "x", false, {{"content-length", "3145729"}});
  const int32_t found = pair.client.ask("POST", "/echo", large + "x");
  const int32_t bomb = pair.client.ask("POST", "/echo", encode(Coding::kGzip, large + "x"),
                                       {{"content-encoding", "gzip"}});
  const int32_t broken =
      pair.client.ask("POST", "/echo", "nonsense", {{"content-encoding", "gzip"}});
  const int32_t foreign = pair.client.ask("POST", "/echo", "x", {{"content-encoding", "br"}});
  pair.settle();
  EXPECT_TRUE(pair.script("fits")->body() == large);
  EXPECT_TRUE(pair.script("coded")->body() == large);
  EXPECT_GE(pair.script("fits")->spare(), 64u);
  EXPECT_GE(pair.script("coded")->spare(), 64u);
  EXPECT_FALSE(pair.client.answer(fits).done() || pair.client.answer(coded).done());
  EXPECT_EQ(pair.client.answer(said).status, 413);
  EXPECT_EQ(pair.client.answer(found).status, 413);
  EXPECT_EQ(pair.client.answer(bomb).status, 413);
  EXPECT_EQ(pair.client.answer(broken).status, 400);
  EXPECT_EQ(pair.client.answer(foreign).status, 415);
  EXPECT_EQ(find(pair.client.answer(foreign).headers, "accept-encoding"), "gzip, deflate");
  EXPECT_EQ(pair.client.answer(said).reset, NGHTTP2_NO_ERROR);
  EXPECT_EQ(pair.counters.malformed, 5u);
}

TEST(Http2Session, AnswersBeforeTheBodyIsThere) {
  Pair pair;
  const int32_t stream = pair.client.ask_open("POST", "/hello", "some", false);
  pair.settle();
  EXPECT_EQ(pair.client.answer(stream).body, "hello\n");
  EXPECT_TRUE(pair.client.answer(stream).ended);
  EXPECT_EQ(pair.client.answer(stream).reset, NGHTTP2_NO_ERROR);
  const int32_t small = pair.client.ask("POST", "/hello", "all of it");
  pair.settle();
  EXPECT_FALSE(pair.client.answer(small).reset);
  EXPECT_TRUE(pair.session.idle());
}

TEST(Http2Session, SaysContinue) {
  Pair pair;
  const int32_t waits =
      pair.client.ask_open("POST", "/echo", "", false, {{"expect", "100-continue"}});
  const int32_t pony = pair.client.ask("POST", "/echo", "x", {{"expect", "a pony"}});
  const int32_t early = pair.client.ask("POST", "/hello", "x", {{"expect", "100-continue"}});
  pair.settle();
  EXPECT_TRUE(pair.client.answer(waits).continued);
  EXPECT_FALSE(pair.client.answer(early).continued);
  EXPECT_EQ(pair.client.answer(pony).status, 417);
  pair.client.send(waits, "body", true);
  pair.settle();
  EXPECT_EQ(pair.client.answer(waits).body, "POST /echo?\nbody");
}

// What an exchange does not want yet stays with the client, but for the window.
TEST(Http2Session, HandsOnStretchesToTheHungry) {
  Pair pair;
  const auto state = pair.host.stretches("x");
  state->hungry = false;
  const int32_t stream =
      pair.client.ask_open("POST", "/stretch/x", std::string(4 << 20, 'x'), false);
  pair.settle();
  EXPECT_TRUE(state->body.empty());
  EXPECT_EQ(pair.client.unsent(stream), size_t{3} << 20);
  // Others go on beside it.
  const int32_t other = pair.client.ask("POST", "/echo", std::string(2 << 20, 'y'));
  pair.settle();
  EXPECT_TRUE(pair.client.answer(other).ended);

  state->hungry = true;
  state->parts.push_back({.head = ResponseHead{}, .body = "more"});
  state->waker();
  pair.settle();
  EXPECT_EQ(state->body.size(), size_t{4} << 20);
  EXPECT_FALSE(state->last);
  EXPECT_EQ(pair.client.answer(stream).body, "more");
  pair.client.send(stream, "end", true);
  pair.settle();
  EXPECT_TRUE(state->last);
  EXPECT_EQ(state->body.size(), (size_t{4} << 20) + 3);
  state->parts.push_back({.body = "!", .trailers = {{"grpc-status", "0"}}});
  state->ended = true;
  state->waker();
  pair.settle();
  EXPECT_EQ(pair.client.answer(stream).body, "more!");
  EXPECT_TRUE(state->destroyed);
}

// An end waits for hunger as bytes do; dropped streams give their window back.
TEST(Http2Session, KeepsTheWindowOfTheConnection) {
  Pair pair;
  for (int i = 0; i < 20; ++i) {
    const std::string name = std::to_string(i);
    pair.host.stretches(name)->hungry = false;
    const int32_t stream = pair.client.ask("POST", "/stretch/" + name, std::string(1 << 20, 'x'));
    pair.settle();
    EXPECT_EQ(pair.client.unsent(stream), 0u);
    EXPECT_FALSE(pair.host.stretches(name)->last);
    pair.client.reset(stream);
    pair.settle();
    EXPECT_TRUE(pair.host.stretches(name)->destroyed);
  }
  const int32_t stream = pair.client.ask("POST", "/echo", std::string(3 << 20, 'y'));
  pair.settle();
  EXPECT_TRUE(pair.client.answer(stream).ended);
  EXPECT_EQ(pair.counters.abandoned, 20u);
}

TEST(Http2Session, SendsNoMoreThanTheClientWants) {
  Pair pair({}, {.window = 70'000, .consumes = false});
  const int32_t stream = pair.client.ask("GET", "/script/x");
  pair.settle();
  answer(*pair.script("x"), std::string(200'000, 'x'));
  pair.settle();
  EXPECT_EQ(pair.client.answer(stream).body.size(), 70'000u);
  pair.client.consume(stream, 70'000);
  pair.settle();
  EXPECT_EQ(pair.client.answer(stream).body.size(), 140'000u);
  pair.client.consume(stream, 70'000);
  pair.settle();
  EXPECT_EQ(pair.client.answer(stream).body.size(), 200'000u);
  EXPECT_TRUE(pair.client.answer(stream).ended);
}

TEST(Http2Session, ServesSmallAnswersBesideLargeOnes) {
  Pair pair({}, {.window = 64 << 20});
  const int32_t large = pair.client.ask("GET", "/script/large");
  pair.settle();
  answer(*pair.script("large"), std::string(32 << 20, 'x'));
  const int32_t small = pair.client.ask("GET", "/hello");
  pair.session.woken(large, pair.now);
  pair.session.feed(pair.client.take(), pair.now);
  std::string said;
  pair.session.pull(said, 64 << 10, pair.now);
  EXPECT_GE(said.size(), size_t{64} << 10);
  EXPECT_LE(said.size(), size_t{96} << 10);
  pair.client.feed(said);
  EXPECT_TRUE(pair.client.answer(small).ended);
  EXPECT_FALSE(pair.client.answer(large).ended);
  pair.settle();
  EXPECT_EQ(pair.client.answer(large).body.size(), size_t{32} << 20);
}

TEST(Http2Session, ResetsWhatBreaks) {
  Pair pair;
  const int32_t middle = pair.client.ask("GET", "/script/middle");
  const int32_t early = pair.client.ask("GET", "/script/early");
  const int32_t cut = pair.client.ask("GET", "/script/cut");
  const int32_t thrown = pair.client.ask("GET", "/throw");
  const int32_t silent = pair.client.ask("GET", "/script/silent");
  const int32_t headless = pair.client.ask("GET", "/script/headless");
  pair.settle();
  pair.script("middle")->give({.head = ResponseHead{}, .body = "some"});
  pair.script("cut")->give({.head = ResponseHead{.length = 9}, .body = "some"});
  pair.script("cut")->end();
  pair.script("early")->fail();
  pair.script("silent")->end();
  pair.script("headless")->give({.body = "some"});
  pair.settle();
  pair.script("middle")->fail();
  pair.settle();
  EXPECT_EQ(pair.client.answer(middle).body, "some");
  EXPECT_EQ(pair.client.answer(middle).reset, NGHTTP2_INTERNAL_ERROR);
  EXPECT_EQ(pair.client.answer(cut).reset, NGHTTP2_INTERNAL_ERROR);
  EXPECT_EQ(pair.client.answer(early).status, 500);
  EXPECT_EQ(pair.client.answer(thrown).status, 500);
  EXPECT_EQ(pair.client.answer(silent).status, 500);
  EXPECT_EQ(pair.client.answer(headless).status, 500);
  EXPECT_TRUE(pair.session.idle());
  EXPECT_EQ(pair.counters.abandoned, 0u);
}

TEST(Http2Session, EndsExchangesWhoseClientLeaves) {
  Pair pair;
  const int32_t stream = pair.client.ask("GET", "/script/a");
  pair.client.ask("GET", "/script/b");
  pair.settle();
  pair.client.reset(stream);
  pair.settle();
  EXPECT_TRUE(pair.script("a")->destroyed());
  EXPECT_FALSE(pair.script("b")->destroyed());
  EXPECT_EQ(pair.counters.abandoned, 1u);
  pair.script("a")->call_waker_again();
  pair.settle();
  pair.session.lose();
  EXPECT_TRUE(pair.script("b")->destroyed());
  EXPECT_EQ(pair.counters.abandoned, 2u);
}

// An honest client may cancel in bulk: more than nghttp2 alone would let it.
TEST(Http2Session, LetsClientsCancel) {
  Pair pair;
  for (int i = 0; i < 8; ++i) {
    std::vector<int32_t> streams;
    for (int k = 0; k < 1000; ++k) streams.push_back(pair.client.ask("GET", "/script/wait"));
    pair.settle();
    for (const int32_t stream : streams) pair.client.reset(stream);
    pair.settle();
  }
  EXPECT_EQ(pair.counters.abandoned, 8000u);
  const int32_t stream = pair.client.ask("GET", "/hello");
  pair.settle();
  EXPECT_EQ(pair.client.answer(stream).status, 200);
  EXPECT_FALSE(pair.client.goaway());
}

TEST(Http2Session, SendsAwayWhoeverCancelsTooMuch) {
  Pair pair({.http2_cancels_max = 10});
  // Now and then is fine, and so is beside answers, and when an answer has begun.
  for (int i = 0; i < 30; ++i) {
    pair.client.reset(pair.client.ask("GET", "/script/calm"));
    pair.client.ask("GET", "/hello");
    pair.settle();
    pair.pass(1);
  }
  for (int i = 0; i < 100; ++i) {
    const std::string name = "begun" + std::to_string(i);
    const int32_t stream = pair.client.ask("GET", "/script/" + name);
    pair.settle();
    pair.script(name)->give({.head = ResponseHead{}, .body = "some"});
    pair.settle();
    EXPECT_EQ(pair.client.answer(stream).body, "some");
    pair.client.reset(stream);
    pair.settle();
  }
  EXPECT_FALSE(pair.client.goaway());
  pair.pass(40);
  for (int i = 0; i < 11; ++i) {
    EXPECT_FALSE(pair.client.goaway());
    const int32_t stream = pair.client.ask("GET", "/script/" + std::to_string(i));
    pair.settle();
    pair.client.reset(stream);
    pair.settle();
  }
  EXPECT_EQ(pair.client.goaway(), NGHTTP2_ENHANCE_YOUR_CALM);
  EXPECT_TRUE(pair.session.over());
  EXPECT_EQ(pair.counters.malformed, 1u);
}

// What was answered but could not be sent, since the client had cancelled it by then.
TEST(Http2Session, SendsAwayWhoeverWantsNoneOfItsAnswers) {
  Pair pair({.http2_cancels_max = 10});
  pair.settle();
  for (int i = 0; i < 11; ++i) {
    EXPECT_FALSE(pair.session.over());
    const int32_t stream = pair.client.ask("GET", "/hello");
    pair.session.feed(pair.client.take(), pair.now);
    pair.client.reset(stream);
    pair.session.feed(pair.client.take(), pair.now);
  }
  pair.settle();
  EXPECT_EQ(pair.client.goaway(), NGHTTP2_ENHANCE_YOUR_CALM);
  EXPECT_TRUE(pair.session.over());
}

TEST(Http2Session, RefusesWhatIsMalformed) {
  Pair pair;
  const auto fields = [](Headers more, const std::string& path = "/echo") {
    Headers all = {{":method", "GET"}, {":scheme", "http"}, {":path", path}};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  const Header authority = {":authority", "test"};
  const struct {
    int status;  // 0: a reset
    Headers fields;
  } cases[] = {{0, fields({authority, {"connection", "close"}})},
               {0, fields({authority, {"transfer-encoding", "chunked"}})},
               {0, fields({authority, {"content-length", "a"}})},
               {0, fields({{":strange", "x"}})},
               {400, fields({authority}, "/%zz")},
               {400, fields({authority, {"host", "other"}})},
               {400, fields({{":authority", "a,b"}})},
               {431, fields({authority, {"x", std::string(17'000, 'x')}})}};
  uint64_t malformed = 0;
  for (const auto& [status, headers] : cases) {
    const int32_t stream = pair.client.ask_fields(headers, std::nullopt);
    pair.settle();
    const Http2Answer& answer = pair.client.answer(stream);
    EXPECT_EQ(answer.status, status) << headers.back().name;
    EXPECT_EQ(answer.reset.value_or(0), status == 0 ? 1u : 0u) << headers.back().name;
    EXPECT_EQ(pair.counters.malformed, ++malformed) << headers.back().name;
  }
  EXPECT_EQ(pair.counters.requests, 0u);
  // A body of another length than it was said to have.
  pair.client.ask("POST", "/script/x", "four", {{"content-length", "5"}});
  pair.settle();
  EXPECT_TRUE(pair.script("x")->destroyed());
  EXPECT_FALSE(pair.script("x")->begun());
  EXPECT_EQ(pair.counters.malformed, malformed + 1);
  EXPECT_FALSE(pair.session.over());
}

std::string frame(unsigned char type, unsigned char flags, unsigned char stream,
                  const std::string& payload) {
  std::string bytes(9, '\0');
  bytes[0] = static_cast<char>(payload.size() >> 16);
  bytes[1] = static_cast<char>(payload.size() >> 8);
  bytes[2] = static_cast<char>(payload.size());
  bytes[3] = static_cast<char>(type);
  bytes[4] = static_cast<char>(flags);
  bytes[8] = static_cast<char>(stream);
  return bytes + payload;
}

TEST(Http2Session, EndsConnectionsThatBreakTheRules) {
  const std::string preface = std::string(kHttp2Preface) + frame(4, 0, 0, "");
  std::string continuations = frame(1, 0, 1, std::string(16'000, 'x'));
  for (int i = 0; i < 4; ++i) continuations += frame(9, 0, 1, std::string(16'000, 'x'));
  std::string pings = preface;
  for (int i = 0; i < 10'000; ++i) pings += frame(6, 0, 0, "12345678");
  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\n\r\n and more of it"), preface + frame(0, 0, 1, "data"),
        preface + frame(1, 4, 1, "\xff\xff\xff\xff\xff\xff"), preface + continuations, pings}) {
    Pair pair;
    for (size_t at = 0; at < bytes.size(); at += 1000) {
      pair.session.feed(std::string_view(bytes).substr(at, 1000), pair.now);
    }
    std::string said;
    pair.session.pull(said, 1 << 20, pair.now);
    EXPECT_TRUE(pair.session.over()) << bytes.substr(0, 60);
    EXPECT_EQ(pair.counters.malformed, 1u) << bytes.substr(0, 60);
    EXPECT_LT(said.size(), 10'000u);
  }
}

TEST(Http2Session, EndsWhatIsTooSlow) {
  const HttpServerOptions options = {.header_seconds_max = 5,
                                     .bytes_per_second_min = 1000,
                                     .grace_seconds = 2,
                                     .http2_streams_max = 10};
  {  // nothing at all
    Pair pair(options);
    pair.session.look(pair.now += milliseconds(4900));
    EXPECT_FALSE(pair.session.over());
    pair.session.look(pair.now += milliseconds(200));
    pair.settle();
    EXPECT_TRUE(pair.session.over());
    EXPECT_EQ(pair.counters.timeouts, 1u);
  }
  {  // a head that does not end, however busily it comes
    Pair pair(options);
    pair.settle();
    EXPECT_GT(pair.session.due(), pair.now + std::chrono::minutes(1));
    pair.session.feed(frame(1, 0, 1, ""), pair.now);
    for (int i = 0; i < 6; ++i) {
      pair.session.feed(frame(9, 0, 1, "").substr(0, 9), pair.now);
      pair.pass(0.9);
    }
    EXPECT_EQ(pair.counters.timeouts, 1u);
    EXPECT_TRUE(pair.session.over());
  }
  {  // bodies: 2 s and 3 s may pass
    Pair pair(options);
    const int32_t slow = pair.client.ask_open("POST", "/script/slow", "", false);
    const int32_t quicker =
        pair.client.ask_open("POST", "/script/quicker", std::string(1000, 'x'), false);
    const auto stretches = pair.host.stretches("x");
    pair.client.ask_open("POST", "/stretch/x", "", false);
    const int32_t thinking = pair.client.ask("GET", "/script/thinking");
    pair.settle();
    pair.pass(1.9);
    EXPECT_FALSE(pair.client.answer(slow).done());
    pair.pass(0.2);
    EXPECT_EQ(pair.client.answer(slow).status, 408);
    EXPECT_FALSE(pair.client.answer(quicker).done());
    pair.pass(1);
    EXPECT_EQ(pair.client.answer(quicker).status, 408);
    EXPECT_EQ(pair.counters.timeouts, 2u);
    pair.pass(100'000);
    EXPECT_FALSE(stretches->destroyed);
    answer(*pair.script("thinking"), "at last");
    pair.settle();
    EXPECT_EQ(pair.client.answer(thinking).body, "at last");
  }
}

TEST(Http2Session, EndsAnswersThatAreReadTooSlowly) {
  Pair pair({.bytes_per_second_min = 1000, .grace_seconds = 2},
            {.window = 70'000, .consumes = false});
  const int32_t stream = pair.client.ask("GET", "/script/x");
  pair.settle();
  answer(*pair.script("x"), std::string(200'000, 'x'));
  pair.settle();
  pair.pass(71);  // of 2 s and those of 70,000 bytes
  EXPECT_FALSE(pair.client.answer(stream).done());
  pair.pass(2);
  EXPECT_EQ(pair.client.answer(stream).reset, NGHTTP2_CANCEL);
  EXPECT_TRUE(pair.script("x")->destroyed());
  EXPECT_EQ(pair.counters.timeouts, 1u);
  EXPECT_EQ(pair.counters.abandoned, 0u);
}

TEST(Http2Session, ClosesWhatIsIdle) {
  Pair pair({.idle_seconds_max = 10});
  const int32_t stream = pair.client.ask("GET", "/script/x");
  pair.settle();
  pair.pass(1000);
  answer(*pair.script("x"), "ok");
  pair.settle();
  EXPECT_EQ(pair.client.answer(stream).body, "ok");
  for (int i = 0; i < 9; ++i) {
    pair.client.ping();
    pair.pass(1);
  }
  EXPECT_FALSE(pair.session.over());
  pair.pass(1);
  EXPECT_EQ(pair.client.goaway(), NGHTTP2_NO_ERROR);
  EXPECT_TRUE(pair.session.over());
  EXPECT_EQ(pair.counters.timeouts, 0u);
}

TEST(Http2Session, DrainsWhatIsUnderWay) {
  for (const bool by_count : {false, true}) {
    Pair pair(by_count ? HttpServerOptions{.requests_per_connection_max = 1} : HttpServerOptions{});
    const int32_t stream = pair.client.ask("GET", "/script/x");
    pair.settle();
    if (!by_count) pair.session.drain(pair.now);
    pair.settle();
    EXPECT_EQ(pair.client.goaway(), NGHTTP2_NO_ERROR);
    EXPECT_FALSE(pair.session.over());
    answer(*pair.script("x"), "ok");
    pair.settle();
    EXPECT_EQ(pair.client.answer(stream).body, "ok");
    EXPECT_TRUE(pair.session.over());
  }
}

// Whoever does not even take the last word is not waited for.
TEST(Http2Session, EndsWithoutTheClientIfItMust) {
  Pair pair({.idle_seconds_max = 10, .grace_seconds = 2});
  pair.settle();
  pair.session.look(pair.now += std::chrono::seconds(10));
  EXPECT_FALSE(pair.session.over());
  pair.session.look(pair.now += std::chrono::seconds(2));
  EXPECT_TRUE(pair.session.dead());
}

}  // namespace
}  // namespace accel::http
