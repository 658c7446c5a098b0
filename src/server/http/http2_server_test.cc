// HTTP/2 over real sockets: that the connection drives its session as it should.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/http/http2_frames.h"
#include "server/http/http2_test_client.h"

namespace accel::http {
namespace {

constexpr HttpServerOptions kHttp2Quick = {
    .header_seconds_max = 0.3, .bytes_per_second_min = 100'000'000, .grace_seconds = 0.3};

void answer_script(Script& script, const std::string& body) {
  script.give({.head = ResponseHead{.length = body.size()}, .body = body});
  script.end();
}

TEST(Http2Server, SpeaksBothOnOneListener) {
  Served served;
  Client former(served.port());
  Client transport(served.port());
  Reader reader(former);
  Http2Client client;
  const int32_t stream = client.ask("POST", "/echo?a=b", "body");
  // The first bytes come one by one.
  for (const char byte : client.take()) transport.send({&byte, 1});
  EXPECT_EQ(client.wait(transport, stream).body, "POST /echo?a=b\nbody");
  former.send(request("PUT", "/echo", "body"));
  EXPECT_EQ(reader.next().body, "PUT /echo?\nbody");
  const std::vector<RequestHead> heads = served.handler.heads();
  EXPECT_TRUE(heads[0].http2);
  EXPECT_FALSE(heads[1].http2);
  EXPECT_TRUE(heads[0].loopback);
  EXPECT_TRUE(heads[0].peer.starts_with("127.0.0.1:"));
  EXPECT_FALSE(heads[0].secure);
  EXPECT_TRUE(eventually([&] { return served.server->counts().connections_idle == 2; }));
  EXPECT_GT(served.server->counts().bytes_out, 30u);
  EXPECT_EQ(served.server->counts().requests, 2u);
}

TEST(Http2Server, MovesLargeBodiesBothWays) {
  Served served({}, 64 << 20);
  Client transport(served.port());
  Http2Client client;
  const std::string body(32 << 20, 'x');
  const int32_t first = client.ask("POST", "/echo", body);
  const int32_t second = client.ask("POST", "/echo", body);
  EXPECT_TRUE(client.wait(transport, first).body == "POST /echo?\n" + body);
  EXPECT_TRUE(client.wait(transport, second).body == "POST /echo?\n" + body);
}

TEST(Http2Server, AnswersAThousandStreamsOfAConnection) {
  Served served;
  Client transport(served.port());
  Http2Client client({.window = 1 << 24});
  constexpr int kMany = 1000;
  std::vector<int32_t> streams;
  for (int i = 0; i < kMany; ++i) {
    streams.push_back(client.ask("POST", "/script/" + std::to_string(i), "ask"));
  }
  ASSERT_TRUE(client.say(transport));
  const auto script = [&](int i) { return served.handler.script(std::to_string(i)); };
  ASSERT_TRUE(eventually([&] { return served.server->counts().requests == kMany; }));
  // From several threads, and none in the order in which they were asked.
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = kMany - 1 - t; i >= 0; i -= 4) {
        EXPECT_TRUE(eventually([&] { return script(i)->waited_for(); }));
        script(i)->give({.head = ResponseHead{}, .body = "answer "});
        script(i)->call_waker_again();
        script(i)->give({.body = std::to_string(i), .trailers = {{"x", "y"}}});
        script(i)->end();
      }
    });
  }
  for (int i = 0; i < kMany; ++i) {
    const Http2Answer& answer = client.wait(transport, streams[static_cast<size_t>(i)]);
    EXPECT_EQ(answer.body, "answer " + std::to_string(i));
    EXPECT_TRUE(answer.ended);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(served.server->counts().abandoned, 0u);
}

TEST(Http2Server, EndsTheExchangesOfAClientThatLeaves) {
  Served served;
  const auto waited = [&](const std::string& name) {
    return eventually([&] { return served.handler.script(name)->waited_for(); });
  };
  {
    Client transport(served.port());
    Http2Client client;
    const int32_t stream = client.ask("GET", "/script/reset");
    client.ask("GET", "/script/closed");
    client.say(transport);
    ASSERT_TRUE(waited("reset") && waited("closed"));
    client.reset(stream);
    client.say(transport);
    EXPECT_TRUE(eventually([&] { return served.handler.script("reset")->destroyed(); }));
    EXPECT_FALSE(served.handler.script("closed")->destroyed());
    transport.close();
    EXPECT_TRUE(eventually([&] { return served.handler.script("closed")->destroyed(); }));
  }
  {  // who does not read
    Client transport(served.port());
    Http2Client client({.window = 256 << 20});
    client.ask("GET", "/script/large");
    client.say(transport);
    ASSERT_TRUE(waited("large"));
    answer_script(*served.handler.script("large"), std::string(64 << 20, 'x'));
    char byte = 0;
    ASSERT_EQ(::recv(transport.fd(), &byte, 1, 0), 1);
    transport.close();
    EXPECT_TRUE(eventually([&] { return served.handler.script("large")->destroyed(); }));
  }
  EXPECT_TRUE(eventually([&] { return served.server->counts().connections == 0; }));
  EXPECT_EQ(served.server->counts().abandoned, 3u);
  for (const std::string name : {"reset", "closed", "large"}) {
    served.handler.script(name)->call_waker_again();
  }
}

TEST(Http2Server, WakersMayComeFromAnywhere) {
  Served served;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        const std::string name = std::to_string(t) + "-" + std::to_string(i);
        Client transport(served.port());
        Http2Client client;
        const int32_t stream = client.ask("GET", "/script/" + name);
        client.say(transport);
        const auto script = served.handler.script(name);
        script->give({.head = ResponseHead{}, .body = "one"});
        if (i % 3 == 0) transport.close();
        if (i % 3 == 1) {
          client.reset(stream);
          client.say(transport);
        }
        script->give({.body = "two"});
        script->call_waker_again();
        script->end();
        if (i % 3 == 2) {
          EXPECT_EQ(client.wait(transport, stream).body, "onetwo");
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Http2Server, DrainsWhatIsUnderWay) {
  Served served;
  Client idle(served.port());
  Client busy(served.port());
  Http2Client idle_client;
  Http2Client client;
  EXPECT_EQ(idle_client.wait(idle, idle_client.ask("GET", "/hello")).status, 200);
  const int32_t stream = client.ask("GET", "/script/x");
  client.say(busy);
  const auto script = served.handler.script("x");
  ASSERT_TRUE(eventually([&] { return script->waited_for(); }));
  EXPECT_FALSE(served.server->drain(0));
  EXPECT_FALSE(idle_client.talk(idle, [] { return false; }));
  EXPECT_EQ(idle_client.goaway(), NGHTTP2_NO_ERROR);
  idle.close();
  ASSERT_TRUE(client.talk(busy, [&] { return client.goaway().has_value(); }));
  EXPECT_FALSE(script->destroyed());
  answer_script(*script, "ok");
  EXPECT_EQ(client.wait(busy, stream).body, "ok");
  EXPECT_FALSE(client.talk(busy, [] { return false; }));
  busy.close();
  EXPECT_TRUE(served.server->drain(kPatience.count()));
  EXPECT_EQ(served.server->counts().abandoned, 0u);
}

TEST(Http2Server, EndsAtOnceWithEverythingUnderWay) {
  Served served;
  std::vector<std::unique_ptr<Client>> transports;
  for (int i = 0; i < 8; ++i) {
    const std::string name = std::to_string(i);
    transports.push_back(std::make_unique<Client>(served.port()));
    Http2Client client({.window = 64 << 20});
    if (i % 2 == 0) client.ask("GET", "/script/" + name);
    if (i % 2 != 0) client.ask_open("POST", "/script/" + name, "some", false);
    client.say(*transports.back());
  }
  ASSERT_TRUE(eventually([&] { return served.server->counts().requests == 8; }));
  answer_script(*served.handler.script("0"), std::string(32 << 20, 'x'));
  served.server.reset();
  for (int i = 0; i < 8; ++i) {
    EXPECT_TRUE(served.handler.script(std::to_string(i))->destroyed()) << i;
  }
}

TEST(Http2Server, EndsSlowClients) {
  Served served(kHttp2Quick);
  {  // no preface to its end, and no head
    Client begins(served.port());
    Client transport(served.port());
    begins.send(std::string(kHttp2Preface).substr(0, 10));
    EXPECT_EQ(Reader(begins).next().status, 408);
    constexpr std::string_view kSettings("\0\0\0\4\0\0\0\0\0", 9);
    constexpr std::string_view kHalfOfAHead("\0\0\5\1\4\0\0\0\1\0", 10);
    transport.send(std::string(kHttp2Preface).append(kSettings).append(kHalfOfAHead));
    Http2Client client;
    char bytes[1000];
    ssize_t got = 0;
    while ((got = transport.receive(bytes, sizeof(bytes))) > 0) {
      client.feed({bytes, static_cast<size_t>(got)});
    }
    EXPECT_EQ(client.goaway(), NGHTTP2_ENHANCE_YOUR_CALM);
  }
  EXPECT_TRUE(eventually([&] { return served.server->counts().timeouts == 2; }));
  {  // a body
    Client transport(served.port());
    Http2Client client;
    const int32_t stream = client.ask_open("POST", "/echo", "some", false);
    EXPECT_EQ(client.wait(transport, stream).status, 408);
  }
  {  // an answer that fills the socket
    Client transport(served.port());
    Http2Client client({.window = 1 << 30});
    client.ask("GET", "/script/large");
    client.say(transport);
    const auto script = served.handler.script("large");
    ASSERT_TRUE(eventually([&] { return script->waited_for(); }));
    answer_script(*script, std::string(160 << 20, 'x'));
    EXPECT_TRUE(eventually([&] { return script->destroyed(); }));
  }
  EXPECT_EQ(served.server->counts().timeouts, 4u);
}

TEST(Http2Server, SendsAwayWhoeverCancelsTooMuch) {
  Served served({.http2_cancels_max = 100});
  Client transport(served.port());
  Http2Client client;
  for (int i = 0; i < 1000 && !client.goaway(); ++i) {
    const int32_t stream = client.ask("GET", "/script/x");
    if (!client.say(transport)) break;
    client.reset(stream);
    if (!client.say(transport)) break;
  }
  client.talk(transport, [&] { return client.goaway().has_value(); });
  EXPECT_EQ(client.goaway(), NGHTTP2_ENHANCE_YOUR_CALM);
  EXPECT_LT(served.server->counts().requests, 200u);
}

TEST(Http2Server, HoldsManyIdleConnections) {
  Served served;
  constexpr size_t kMany = 500;
  std::vector<std::unique_ptr<Client>> transports;
  std::vector<std::unique_ptr<Http2Client>> clients;
  for (size_t i = 0; i < kMany; ++i) {
    transports.push_back(std::make_unique<Client>(served.port()));
    clients.push_back(std::make_unique<Http2Client>());
    clients[i]->wait(*transports[i], clients[i]->ask("POST", "/echo", "x"));
  }
  EXPECT_TRUE(eventually([&] { return served.server->counts().connections_idle == kMany; }));
  for (size_t i = 0; i < kMany; ++i) {
    EXPECT_EQ(clients[i]->wait(*transports[i], clients[i]->ask("GET", "/hello")).body, "hello\n");
  }
  for (auto& transport : transports) transport->close();
  EXPECT_TRUE(served.server->drain(kPatience.count()));
}

}  // namespace
}  // namespace accel::http
