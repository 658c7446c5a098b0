// Clients that leave, and servers that end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/http/test_client.h"

namespace accel::http {
namespace {

// A request whose answer is not there.
std::shared_ptr<Script> ask(Served& served, Client& client, const std::string& name) {
  client.send(request("GET", "/script/" + name));
  auto script = served.handler.script(name);
  EXPECT_TRUE(eventually([&] { return script->waited_for(); }));
  return script;
}

TEST(HttpLife, EndsTheExchangeOfAClientThatLeaves) {
  Served served;
  {
    Client client(served.port());
    const auto script = ask(served, client, "closed");
    client.close();
    EXPECT_TRUE(eventually([&] { return script->destroyed(); }));
    script->give({.head = ResponseHead{}, .body = "to nobody"});
    script->call_waker_again();
  }
  {
    Client client(served.port());
    const auto script = ask(served, client, "reset");
    const linger at_once = {.l_onoff = 1, .l_linger = 0};
    ::setsockopt(client.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    client.close();
    EXPECT_TRUE(eventually([&] { return script->destroyed(); }));
  }
  {  // in the middle of an answer
    Client client(served.port());
    Reader reader(client);
    const auto script = ask(served, client, "middle");
    script->give({.head = ResponseHead{}, .body = "some"});
    char byte = 0;
    ASSERT_EQ(::recv(client.fd(), &byte, 1, 0), 1);
    client.close();
    EXPECT_TRUE(eventually([&] { return script->destroyed(); }));
  }
  {  // in the middle of a body
    Client client(served.port());
    client.send(request("POST", "/script/body", "", "Content-Length: 100\r\n") + "some");
    ASSERT_TRUE(eventually([&] { return served.handler.heads().size() == 4; }));
    client.close();
    const auto script = served.handler.script("body");
    EXPECT_TRUE(eventually([&] { return script->destroyed(); }));
    EXPECT_FALSE(script->begun());
  }
  EXPECT_TRUE(eventually([&] { return served.server->counts().connections == 0; }));
  EXPECT_EQ(served.server->counts().abandoned, 4u);
}

TEST(HttpLife, EndsAnAnswerThatNobodyReads) {
  Served served;
  Client client(served.port());
  const auto script = ask(served, client, "large");
  script->give({.head = ResponseHead{.length = 64 << 20}, .body = std::string(64 << 20, 'x')});
  char byte = 0;
  ASSERT_EQ(::recv(client.fd(), &byte, 1, 0), 1);
  client.close();
  EXPECT_TRUE(eventually([&] { return script->destroyed(); }));
  EXPECT_EQ(served.server->counts().abandoned, 1u);
}

TEST(HttpLife, WakersMayComeLate) {
  std::vector<std::shared_ptr<Script>> scripts;
  {
    Served served;
    Client client(served.port());
    Reader reader(client);
    for (int i = 0; i < 5; ++i) {
      scripts.push_back(ask(served, client, std::to_string(i)));
      for (const auto& former : scripts) former->call_waker_again();
      scripts.back()->give({.head = ResponseHead{.length = 2}, .body = "ok"});
      scripts.back()->end();
      EXPECT_EQ(reader.next().body, "ok");
      for (const auto& former : scripts) former->call_waker_again();
    }
    client.close();
    EXPECT_TRUE(eventually([&] { return served.server->counts().connections == 0; }));
    for (const auto& script : scripts) script->call_waker_again();
    Client other(served.port());
    scripts.push_back(ask(served, other, "last"));
    served.server.reset();
    EXPECT_TRUE(scripts.back()->destroyed());
    for (const auto& script : scripts) script->call_waker_again();
  }
  for (const auto& script : scripts) script->call_waker_again();
}

// Wakers from many threads, while their connections come and go.
TEST(HttpLife, WakersMayComeFromAnywhere) {
  Served served;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const std::string name = std::to_string(t) + "-" + std::to_string(i);
        Client client(served.port());
        Reader reader(client);
        client.send(request("GET", "/script/" + name));
        const auto script = served.handler.script(name);
        script->give({.head = ResponseHead{}, .body = "one"});
        if (i % 3 == 0) client.close();
        script->give({.body = "two"});
        script->call_waker_again();
        script->end();
        if (i % 3 != 0) {
          EXPECT_EQ(reader.next().body, "onetwo");
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(HttpLife, DrainsWhatIsUnderWay) {
  Served served;
  Client idle(served.port());
  Client busy(served.port());
  Reader idle_reader(idle);
  Reader reader(busy);
  idle.send(request("GET", "/hello"));
  EXPECT_EQ(idle_reader.next().status, 200);
  const auto script = ask(served, busy, "x");
  EXPECT_FALSE(served.server->drain(0));
  EXPECT_TRUE(idle_reader.closed());
  Client late(served.port());
  EXPECT_LT(late.fd(), 0);  // nobody listens
  EXPECT_FALSE(script->destroyed());
  script->give({.head = ResponseHead{.length = 2}, .body = "ok"});
  script->end();
  const Answer answer = reader.next();
  EXPECT_EQ(answer.body, "ok");
  EXPECT_TRUE(answer.has("connection: close"));
  EXPECT_TRUE(reader.closed());
  EXPECT_TRUE(served.server->drain(kPatience.count()));
  EXPECT_EQ(served.server->counts().connections, 0u);
}

TEST(HttpLife, EndsAtOnceWithEverythingUnderWay) {
  Served served;
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<std::shared_ptr<Script>> scripts;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<Client>(served.port()));
    Client& client = *clients.back();
    const std::string name = std::to_string(i);
    switch (i % 5) {
      case 0: scripts.push_back(ask(served, client, name)); break;
      case 1: client.send("GET / HTT"); break;
      case 2:
        scripts.push_back(ask(served, client, name));
        scripts.back()->give({.head = ResponseHead{}, .body = std::string(32 << 20, 'x')});
        break;
      case 3:
        client.send(request("POST", "/script/" + name, "", "Content-Length: 9\r\n") + "some");
        scripts.push_back(served.handler.script(name));
        break;
      default: break;  // says nothing
    }
  }
  ASSERT_TRUE(eventually([&] { return served.server->counts().requests == 12; }));
  ASSERT_TRUE(eventually([&] { return served.server->counts().accepted == 20; }));
  served.server.reset();
  for (const auto& script : scripts) EXPECT_TRUE(script->destroyed());
}

TEST(HttpLife, HoldsManyIdleConnections) {
  Served served;
  constexpr size_t kMany = 2000;
  std::vector<std::unique_ptr<Client>> clients;
  for (size_t i = 0; i < kMany; ++i) {
    clients.push_back(std::make_unique<Client>(served.port()));
    ASSERT_GE(clients.back()->fd(), 0) << i;
    if (i % 2 == 0) clients.back()->send(request("GET", "/hello"));
  }
  EXPECT_TRUE(eventually([&] {
    const HttpCounts counts = served.server->counts();
    return counts.connections_idle == kMany && counts.requests == kMany / 2;
  }));
  for (size_t i = 0; i < kMany; i += 2) {
    Reader reader(*clients[i]);
    EXPECT_EQ(reader.next().body, "hello\n");
    clients[i]->send(request("GET", "/hello"));
    EXPECT_EQ(reader.next().body, "hello\n");
  }
  EXPECT_TRUE(served.server->drain(kPatience.count()));
}

}  // namespace
}  // namespace accel::http
