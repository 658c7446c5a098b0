// What the server answers, over real sockets.
#include "server/http/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "server/http/coding.h"
#include "server/http/test_client.h"

namespace accel::http {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

TEST(HttpServer, AnswersAndKeepsTheConnection) {
  Served served;
  Client client(served.port());
  Reader reader(client);
  for (const std::string body : {"", "one", "two"}) {
    client.send(request("POST", "/echo?a=b", body, "X-Name: v\r\n"));
    const Answer answer = reader.next();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "POST /echo?a=b\n" + body);
    EXPECT_TRUE(answer.has("date: ")) << answer.head;
    EXPECT_FALSE(answer.has("connection:")) << answer.head;
  }
  const RequestHead head = served.handler.heads()[1];
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.query, "a=b");
  EXPECT_EQ(find(head.headers, "x-name"), "v");
  EXPECT_EQ(head.content_length, 3u);
  EXPECT_THAT(head.peer, ::testing::StartsWith("127.0.0.1:"));
  EXPECT_TRUE(head.loopback);
  EXPECT_FALSE(head.secure);
  EXPECT_EQ(served.server->counts().requests, 3u);
  EXPECT_EQ(served.server->counts().accepted, 1u);
}

TEST(HttpServer, ClosesWhenAsked) {
  Served served;
  Client client(served.port());
  Reader reader(client);
  client.send(request("GET", "/echo", "", "Connection: close\r\n"));
  EXPECT_TRUE(reader.next().has("connection: close"));
  EXPECT_TRUE(reader.closed());
}

TEST(HttpServer, AnswersPipelinedRequestsInOrder) {
  Served served;
  Client client(served.port());
  Reader reader(client);
  std::string text;
  for (int i = 0; i < 100; ++i) {
    text += request("POST", "/echo?" + std::to_string(i), i % 2 == 0 ? "" : "body");
  }
  text += request("GET", "/script/last") + request("GET", "/echo?after");
  client.send(text);
  for (int i = 0; i < 100; ++i) {
    EXPECT_THAT(reader.next().body, HasSubstr("?" + std::to_string(i) + "\n"));
  }
  const auto script = served.handler.script("last");
  ASSERT_TRUE(eventually([&] { return script->waited_for(); }));
  EXPECT_FALSE(script->destroyed());  // a request behind it is not an end
  script->give({.head = ResponseHead{.length = 4}, .body = "last"});
  script->end();
  EXPECT_EQ(reader.next().body, "last");
  EXPECT_THAT(reader.next().body, HasSubstr("after"));
}

TEST(HttpServer, TakesBodiesInChunks) {
  Served served;
  Client client(served.port());
  Reader reader(client);
  const std::string head =
      "POST /script/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  client.send(head + "5\r\nhel");
  client.send("lo\r\n6\r\n world\r\n");
  client.send("0\r\n\r\n");
  const auto script = served.handler.script("x");
  ASSERT_TRUE(eventually([&] { return script->begun(); }));
  EXPECT_EQ(script->body(), "hello world");
  EXPECT_GE(script->spare(), 64u);
  script->end();  // without an answer: a bug of the handler's
  EXPECT_EQ(reader.next().status, 500);
}

TEST(HttpServer, LeavesRoomBehindEveryBody) {
  Served served(HttpServerOptions{}, 64 << 20);
  for (const size_t size : {0, 1, 15, 63, 4000, 9000, 100'000, 20'000'000}) {
    const std::string name = "room" + std::to_string(size);
    Client client(served.port());
    Reader reader(client);
    std::string body(size, 'x');
    for (size_t i = 0; i < size; i += 997) body[i] = static_cast<char>('a' + i % 26);
    client.send(request("POST", "/script/" + name, body));
    const auto script = served.handler.script(name);
    ASSERT_TRUE(eventually([&] { return script->begun(); }));
    EXPECT_TRUE(script->body() == body) << size;
    EXPECT_GE(script->spare(), 64u) << size;
    script->give({.head = ResponseHead{.length = size}, .body = body});
    script->end();
    EXPECT_TRUE(reader.next().body == body) << size;
  }
}

TEST(HttpServer, WritesPartsAsTheyCome) {
  Served served;
  Client client(served.port());
  Reader reader(client);
  for (const std::string name : {"a", "b"}) {  // on one connection
    client.send(request("GET", "/script/" + name));
    const auto script = served.handler.script(name);
    ASSERT_TRUE(eventually([&] { return script->waited_for(); }));
    script->give({.head = ResponseHead{.headers = {{"content-type", "text/plain"}}}});
    std::string text;
    for (int i = 0; i < 20; ++i) {
      const std::string piece(static_cast<size_t>(i) * 3000, static_cast<char>('a' + i));
      script->give({.body = piece});
      text += piece;
    }
    script->end();
    const Answer answer = reader.next();
    EXPECT_TRUE(answer.whole);
    EXPECT_TRUE(answer.has("transfer-encoding: chunked"));
    EXPECT_TRUE(answer.body == text);
    EXPECT_TRUE(eventually([&] { return script->destroyed(); }));
  }
}

TEST(HttpServer, HasNoBodyWhereNoneBelongs) {
  Served served;
  Client client(served.port());
  Reader reader(client);
  client.send(request("HEAD", "/hello"));
  EXPECT_TRUE(reader.next(true).has("content-length: 6"));
  client.send(request("HEAD", "/script/stream"));
  const auto stream = served.handler.script("stream");
  stream->give({.head = ResponseHead{}, .body = "never sent"});
  EXPECT_TRUE(reader.next(true).has("transfer-encoding: chunked"));
  EXPECT_TRUE(eventually([&] { return stream->destroyed(); }));
  client.send(request("GET", "/script/empty"));
  const auto empty = served.handler.script("empty");
  empty->give({.head = ResponseHead{.status = 204, .length = 0}});
  empty->end();
  const Answer answer = reader.next();
  EXPECT_EQ(answer.status, 204);
  EXPECT_FALSE(answer.has("content-length")) << answer.head;
  client.send(request("GET", "/hello"));
  EXPECT_EQ(reader.next().body, "hello\n");
}

TEST(HttpServer, SpeaksTheFormerVersion) {
  Served served;
  {
    Client client(served.port());
    Reader reader(client);
    client.send("GET /hello HTTP/1.0\r\n\r\n");
    const Answer answer = reader.next();
    EXPECT_TRUE(answer.has("connection: close"));
    EXPECT_EQ(answer.body, "hello\n");
    EXPECT_TRUE(reader.closed());
  }
  Client client(served.port());
  Reader reader(client);
  client.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_TRUE(reader.next().has("connection: keep-alive"));
  client.send("GET /script/x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const auto script = served.handler.script("x");
  script->give({.head = ResponseHead{}, .body = "one "});
  script->give({.body = "two"});
  script->end();
  const Answer answer = reader.next();  // to the end of the connection
  EXPECT_FALSE(answer.has("transfer-encoding")) << answer.head;
  EXPECT_EQ(answer.body, "one two");
}

TEST(HttpServer, DecodesBodies) {
  Served served;
  Client client(served.port());
  Reader reader(client);
  const std::string text(5000, 'x');
  for (const auto& [name, coding] : std::vector<std::pair<std::string, Coding>>{
           {"gzip", Coding::kGzip}, {"Deflate", Coding::kDeflate}, {"identity", {}}}) {
    client.send(
        request("POST", "/echo", encode(coding, text), "Content-Encoding: " + name + "\r\n"));
    EXPECT_EQ(reader.next().body, "POST /echo?\n" + text) << name;
  }
  client.send(request("GET", "/echo", "", "Content-Encoding: gzip\r\n"));
  EXPECT_EQ(reader.next().body, "GET /echo?\n");
}

TEST(HttpServer, SaysWhenTheBodyMayCome) {
  Served served;
  Client client(served.port());
  Reader reader(client);
  const std::string expect = "Expect: 100-continue\r\nContent-Length: 5\r\n";
  client.send(request("POST", "/echo", "", expect));
  EXPECT_EQ(reader.next().status, 100);
  client.send("hello");
  EXPECT_EQ(reader.next().body, "POST /echo?\nhello");
  // One that is refused is not asked to send it, nor trusted not to.
  client.send(request("POST", "/hello", "", expect));
  const Answer answer = reader.next();
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.has("connection: close"));
  EXPECT_TRUE(reader.closed());
}

TEST(HttpServer, AnswersBeforeTheBody) {
  Served served;
  {
    Client client(served.port());
    Reader reader(client);
    client.send(request("POST", "/hello", "", "Content-Length: 5\r\n"));
    EXPECT_EQ(reader.next().body, "hello\n");  // which is still missing
    client.send("12345" + request("POST", "/hello", std::string(60'000, 'x')) +
                request("GET", "/echo"));
    EXPECT_FALSE(reader.next().has("connection: close"));
    EXPECT_EQ(reader.next().body, "GET /echo?\n");
  }
  {
    Client client(served.port());
    Reader reader(client);
    client.send(request("POST", "/hello", "", "Content-Length: 100000000\r\n"));
    EXPECT_TRUE(reader.next().has("connection: close"));
  }
  Client client(served.port());
  Reader reader(client);
  client.send(request("POST", "/hello", "", "Transfer-Encoding: chunked\r\n"));
  EXPECT_TRUE(reader.next().has("connection: close"));
}

// A client that writes all of its body before it reads sees the answer all the same.
TEST(HttpServer, LetsLoudClientsSeeTheirRefusal) {
  Served served;
  Client client(served.port());
  Reader reader(client);
  client.send(request("POST", "/echo", std::string(4 << 20, 'x')));
  const Answer answer = reader.next();
  EXPECT_EQ(answer.status, 413);
  EXPECT_TRUE(answer.whole);
}

TEST(HttpServer, WritesNoBrokenHeaders) {
  Served served;
  Client client(served.port());
  Reader reader(client);
  client.send(request("GET", "/headers") + request("GET", "/hello"));
  const Answer answer = reader.next();
  EXPECT_TRUE(answer.has("x-broken: a  b: c d\r\n")) << answer.head;
  EXPECT_FALSE(answer.has("name")) << answer.head;
  EXPECT_EQ(answer.body, "x");
  EXPECT_EQ(reader.next().body, "hello\n");
}

TEST(HttpServer, SurvivesItsHandler) {
  Served served;
  for (const std::string target : {"/throw", "/nothing", "/script/fails"}) {
    served.handler.script("fails")->fail();
    Client client(served.port());
    Reader reader(client);
    client.send(request("GET", target));
    EXPECT_EQ(reader.next().status, 500) << target;
    EXPECT_TRUE(reader.closed());
  }
  Client client(served.port());
  Reader reader(client);
  client.send(request("GET", "/hello"));
  EXPECT_EQ(reader.next().status, 200);
}

TEST(HttpServer, ShowsThatAnAnswerIsNotWhole) {
  Served served;
  const struct {
    std::string version;
    std::optional<uint64_t> length;
    bool fails;
  } cases[] = {{"1.1", 100, false}, {"1.1", 100, true}, {"1.1", {}, true}, {"1.0", {}, true}};
  int number = 0;
  for (const auto& [version, length, fails] : cases) {
    const std::string name = "cut" + std::to_string(++number);
    Client client(served.port());
    Reader reader(client);
    client.send("GET /script/" + name + " HTTP/" + version + "\r\nHost: x\r\n\r\n");
    const auto script = served.handler.script(name);
    ASSERT_TRUE(eventually([&] { return script->waited_for(); }));
    script->give({.head = ResponseHead{.length = length}, .body = "some"});
    if (!fails) {
      script->end();
    } else {
      char byte = 0;
      ASSERT_EQ(::recv(client.fd(), &byte, 1, MSG_PEEK), 1);
      script->fail();
    }
    EXPECT_FALSE(reader.next().whole) << name;
  }
  // More than was said is not sent.
  Client client(served.port());
  Reader reader(client);
  client.send(request("GET", "/script/long"));
  const auto script = served.handler.script("long");
  script->give({.head = ResponseHead{.length = 4}, .body = "some more"});
  script->give({.body = "and more"});
  script->end();
  EXPECT_EQ(reader.next().body, "some");
  client.send(request("GET", "/hello"));
  EXPECT_EQ(reader.next().body, "hello\n");
}

// --- where it listens ----------------------------------------------------------------------------

class UnixSocket : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "accel-http-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = name + "/socket";
  }
  void TearDown() override { fs::remove_all(folder_); }
  Result<std::unique_ptr<HttpServer>> serve() {
    return HttpServer::create({}, {{.address = "unix:" + path_, .handler = &handler_}});
  }

  fs::path folder_;
  std::string path_;
  TestHandler handler_;
};

TEST_F(UnixSocket, IsServedAndRemoved) {
  {
    auto server = serve();
    ASSERT_TRUE(server.ok()) << server.status().to_string();
    EXPECT_EQ((*server)->ports(), std::vector<uint16_t>{0});
    Client client(path_);
    Reader reader(client);
    client.send(request("GET", "/hello"));
    EXPECT_EQ(reader.next().body, "hello\n");
    EXPECT_EQ(handler_.heads()[0].peer, "unix");
    EXPECT_TRUE(handler_.heads()[0].loopback);
    EXPECT_EQ(serve().status().code(), StatusCode::kAlreadyExists);
    EXPECT_TRUE(fs::exists(path_));
  }
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(UnixSocket, ReplacesOneThatNobodyListensOn) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ::close(fd);
  ASSERT_TRUE(fs::exists(path_));
  auto server = serve();
  ASSERT_TRUE(server.ok()) << server.status().to_string();
  // What another has put there is not removed.
  fs::remove(path_);
  auto other = serve();
  ASSERT_TRUE(other.ok()) << other.status().to_string();
  server->reset();
  EXPECT_TRUE(fs::exists(path_));
}

TEST_F(UnixSocket, LeavesOtherFilesAlone) {
  path_ = (folder_ / "missing" / "socket").string();
  EXPECT_EQ(serve().status().code(), StatusCode::kNotFound);
  path_ = folder_.string();
  EXPECT_EQ(serve().status().code(), StatusCode::kAlreadyExists);
  EXPECT_TRUE(fs::exists(folder_));
  path_ = std::string(200, 'x');
  EXPECT_EQ(serve().status().code(), StatusCode::kInvalidArgument);
}

TEST(HttpServer, TakesOverASocket) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(::listen(fd, 16), 0);
  TestHandler handler;
  auto server = HttpServer::create({}, {{.fd = fd, .handler = &handler}});
  ASSERT_TRUE(server.ok()) << server.status().to_string();
  Client client((*server)->ports()[0]);
  Reader reader(client);
  client.send(request("GET", "/hello"));
  EXPECT_EQ(reader.next().body, "hello\n");

  const int silent = ::socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_EQ(HttpServer::create({}, {{.fd = silent, .handler = &handler}}).status().code(),
            StatusCode::kInvalidArgument);
}

TEST(HttpServer, ListensInSeveralPlaces) {
  TestHandler first;
  TestHandler second;
  std::vector<Listener> listeners = {{.address = "127.0.0.1", .handler = &first},
                                     {.address = "0.0.0.0", .handler = &second}};
  const int six = ::socket(AF_INET6, SOCK_STREAM, 0);
  sockaddr_in6 address = {};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  const bool has_six =
      six >= 0 && ::bind(six, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  ::close(six);
  if (has_six) listeners.push_back({.address = "::1", .handler = &second});
  auto server = HttpServer::create({}, listeners);
  ASSERT_TRUE(server.ok()) << server.status().to_string();
  const std::vector<uint16_t> ports = (*server)->ports();
  ASSERT_EQ(ports.size(), listeners.size());
  for (const uint16_t port : {ports[0], ports[1]}) {
    Client client(port);
    Reader reader(client);
    client.send(request("GET", "/hello"));
    EXPECT_EQ(reader.next().status, 200);
  }
  EXPECT_EQ(first.heads().size(), 1u);
  EXPECT_EQ(second.heads().size(), 1u);
  if (has_six) {
    Client client("::1", ports[2]);
    Reader reader(client);
    client.send(request("GET", "/hello"));
    EXPECT_EQ(reader.next().status, 200);
    EXPECT_THAT(second.heads()[1].peer, ::testing::StartsWith("[::1]:"));
    EXPECT_TRUE(second.heads()[1].loopback);
  }
}

TEST(HttpServer, SaysWhyItCannotListen) {
  Served served;
  TestHandler handler;
  const auto code_of = [&](Listener listener) {
    return HttpServer::create({}, {std::move(listener)}).status().code();
  };
  EXPECT_EQ(code_of({.address = "127.0.0.1", .port = served.port(), .handler = &handler}),
            StatusCode::kAlreadyExists);
  for (const std::string address : {"", "localhost", "1.2.3", "a:b", "unix:", "8.8.8.8"}) {
    EXPECT_EQ(code_of({.address = address, .handler = &handler}), StatusCode::kInvalidArgument)
        << address;
  }
  EXPECT_EQ(code_of({.address = "127.0.0.1"}), StatusCode::kInvalidArgument);
  EXPECT_EQ(HttpServer::create({.threads = 0}, {}).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace accel::http
