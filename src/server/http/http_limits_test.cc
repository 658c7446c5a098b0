// Clients that are slow, loud or wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "server/http/coding.h"
#include "server/http/test_client.h"

namespace accel::http {
namespace {

using ::testing::HasSubstr;

constexpr HttpServerOptions kQuick = {
    .header_seconds_max = 0.3, .bytes_per_second_min = 100'000'000, .grace_seconds = 0.3};

TEST(HttpLimits, AnswersEachFaultWithItsStatus) {
  Served served({.header_bytes_max = 1024}, 1000);
  const std::string post = "POST /echo HTTP/1.1\r\nHost: x\r\n";
  const std::string chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
  const std::string gzip = "Content-Encoding: gzip\r\n";
  const std::string bomb = encode(Coding::kGzip, std::string(100'000, 'x'));
  const struct {
    int status;
    std::string text;
  } cases[] = {
      {400, "nonsense\r\n\r\n"},
      {400, "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n"},
      {400, post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {400, chunked + "nonsense\r\n"},
      {400, request("POST", "/echo", "nonsense", gzip)},
      {413, post + "Content-Length: 1001\r\n\r\n"},
      {413, chunked + "3e9\r\n"},
      {413, chunked + "1f4\r\n" + std::string(500, 'x') + "\r\n1f5\r\n"},
      {413, request("POST", "/echo", bomb, gzip)},
      {415, request("POST", "/echo", "x", "Content-Encoding: br\r\n")},
      {415, request("POST", "/echo", "x", gzip + gzip)},
      {417, post + "Expect: a pony\r\n\r\n"},
      {431, request("GET", "/" + std::string(2000, 'x'))},
      {501, post + "Transfer-Encoding: gzip, chunked\r\n\r\n"},
      {505, "GET / HTTP/3.0\r\nHost: x\r\n\r\n"},
  };
  uint64_t malformed = 0;
  for (const auto& [status, text] : cases) {
    Client client(served.port());
    Reader reader(client);
    client.send(text);
    const Answer answer = reader.next();
    EXPECT_EQ(answer.status, status) << text;
    EXPECT_TRUE(answer.has("connection: close")) << text;
    EXPECT_TRUE(answer.has("content-type: text/plain")) << text;
    EXPECT_FALSE(answer.body.empty()) << text;
    EXPECT_EQ(answer.has("accept-encoding: gzip, deflate"), status == 415) << text;
    EXPECT_TRUE(reader.closed()) << text;
    EXPECT_EQ(served.server->counts().malformed, ++malformed);
  }
  // A bomb takes no more memory than the limit, and a body at the limit passes.
  Client client(served.port());
  Reader reader(client);
  client.send(request("POST", "/echo", std::string(1000, 'x')));
  EXPECT_EQ(reader.next().status, 200);
  client.send(request("POST", "/echo", encode(Coding::kGzip, std::string(1000, 'x')), gzip));
  EXPECT_EQ(reader.next().status, 200);
}

// A request behind a broken one is not looked at.
TEST(HttpLimits, IgnoresWhatFollowsAFault) {
  Served served;
  Client client(served.port());
  Reader reader(client);
  client.send(
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n" +
      request("GET", "/smuggled"));
  EXPECT_EQ(reader.next().status, 400);
  EXPECT_TRUE(reader.closed());
  EXPECT_TRUE(served.handler.heads().empty());
}

// The time is that of the whole head, however busily it comes.
TEST(HttpLimits, EndsSlowHeads) {
  Served served(kQuick);
  Client client(served.port());
  Reader reader(client);
  std::atomic<bool> answered{false};
  std::thread drip([&] {
    client.send("GET / HTTP/1.1\r\n");
    while (!answered && client.send("a: b\r\n") > 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  });
  EXPECT_EQ(reader.next().status, 408);
  answered = true;
  drip.join();
  EXPECT_EQ(served.server->counts().timeouts, 1u);
}

TEST(HttpLimits, EndsSlowBodies) {
  Served served(kQuick);
  for (const std::string header : {"Content-Length: 9\r\n", "Transfer-Encoding: chunked\r\n"}) {
    Client client(served.port());
    Reader reader(client);
    client.send(request("POST", "/echo", "", header) + "4\r\nsome");
    EXPECT_EQ(reader.next().status, 408);
    EXPECT_TRUE(reader.closed());
  }
  EXPECT_EQ(served.server->counts().timeouts, 2u);
}

TEST(HttpLimits, EndsAnswersThatAreReadTooSlowly) {
  Served served(kQuick);
  Client client(served.port());
  client.send(request("GET", "/script/x"));
  const auto script = served.handler.script("x");
  // At 100 MB a second this may take 0.3 s and 1.6 s; it is not read at all.
  script->give({.head = ResponseHead{.length = 160 << 20}, .body = std::string(160 << 20, 'x')});
  EXPECT_TRUE(eventually([&] { return script->destroyed(); }));
  EXPECT_EQ(served.server->counts().timeouts, 1u);
}

// The handler may take its time: only the client's is measured.
TEST(HttpLimits, WaitsForTheHandler) {
  Served served(kQuick);
  Client client(served.port());
  Reader reader(client);
  client.send(request("GET", "/script/x"));
  const auto script = served.handler.script("x");
  ASSERT_TRUE(eventually([&] { return script->waited_for(); }));
  // Meanwhile another connection's time is up, later than this one's would be.
  Client slow(served.port());
  slow.send("GET");
  EXPECT_EQ(Reader(slow).next().status, 408);
  script->give({.head = ResponseHead{.length = 2}, .body = "ok"});
  script->end();
  EXPECT_EQ(reader.next().body, "ok");
}

TEST(HttpLimits, ClosesIdleConnections) {
  Served served({.idle_seconds_max = 0.1});
  Client client(served.port());
  Reader reader(client);
  client.send(request("GET", "/hello"));
  EXPECT_EQ(reader.next().status, 200);
  EXPECT_TRUE(reader.closed());
  EXPECT_EQ(served.server->counts().timeouts, 0u);
}

TEST(HttpLimits, ClosesAfterSoManyRequests) {
  Served served({.requests_per_connection_max = 2});
  Client client(served.port());
  Reader reader(client);
  client.send(request("GET", "/hello") + request("GET", "/hello") + request("GET", "/hello"));
  EXPECT_FALSE(reader.next().has("connection: close"));
  EXPECT_TRUE(reader.next().has("connection: close"));
  EXPECT_TRUE(reader.closed());
}

TEST(HttpLimits, TurnsAwayTooManyConnections) {
  Served served({.connections_max = 3});
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<Client>(served.port()));
    clients.back()->send(request("GET", "/hello"));
    EXPECT_EQ(Reader(*clients.back()).next().status, 200);
  }
  Client client(served.port());
  Reader reader(client);
  client.send(request("GET", "/hello"));
  const Answer answer = reader.next();
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.body, HasSubstr("connections"));
  EXPECT_TRUE(reader.closed());
  EXPECT_EQ(served.server->counts().refused, 1u);
  client.close();
  clients.clear();
  ASSERT_TRUE(eventually([&] { return served.server->counts().connections == 0; }));
  Client later(served.port());
  later.send(request("GET", "/hello"));
  EXPECT_EQ(Reader(later).next().status, 200);
}

// Without a descriptor for it a connection waits, and the server tries again.
TEST(HttpLimits, OutlivesAShortageOfDescriptors) {
  Served served;
  Client first(served.port());
  first.send(request("GET", "/hello"));
  EXPECT_EQ(Reader(first).next().status, 200);
  const int waiting = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  rlimit limit = {};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit none = {.rlim_cur = 3, .rlim_max = limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  Client client(served.port(), waiting);
  client.send(request("GET", "/hello"));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(served.server->counts().accepted, 1u);
  first.send(request("GET", "/hello"));
  EXPECT_EQ(Reader(first).next().status, 200);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(Reader(client).next().status, 200);
}

}  // namespace
}  // namespace accel::http
