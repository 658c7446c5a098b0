// Answers that come piece by piece, as server-sent events, from a task whose steps a test takes:
// each piece is with its client before the next one is made, and a thousand of them hold at a time.
// https://html.spec.whatwg.org/multipage/server-sent-events.html
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "server/http/http2_test_client.h"
#include "server/http/test_client.h"
#include "server/server.h"

namespace accel::server {
namespace {

using http::eventually;

constexpr int kStreams = 1000;
constexpr int kSteps = 5;  // of each stream

// What a stream and the test that takes its steps share.
class Steps {
 public:
  // One more event: the answer to the next item.
  void step() {
    std::function<void()> waker;
    {
      const std::lock_guard lock(mutex_);
      ++made_;
      waker.swap(waker_);
    }
    if (waker) waker();
  }
  std::optional<size_t> take() {
    const std::lock_guard lock(mutex_);
    if (taken_ == made_) return std::nullopt;
    return taken_++;
  }
  bool ended() {
    const std::lock_guard lock(mutex_);
    return taken_ == kSteps;
  }
  void notify(std::function<void()> waker) {
    {
      const std::lock_guard lock(mutex_);
      if (taken_ == made_ && taken_ < kSteps) {
        waker_ = std::move(waker);
        return;
      }
    }
    waker();
  }

 private:
  std::mutex mutex_;
  // Guarded by mutex_:
  size_t made_ = 0;
  size_t taken_ = 0;
  std::function<void()> waker_;
};

class SteppedStream : public service::EventStream {
 public:
  SteppedStream(std::shared_ptr<Steps> steps, std::atomic<int>& open)
      : steps_(std::move(steps)), open_(open) {
    ++open_;
  }
  ~SteppedStream() override { --open_; }
  std::optional<Result<service::Event>> try_next() override {
    const std::optional<size_t> item = steps_->take();
    if (!item) return std::nullopt;
    return Result<service::Event>(service::ItemAnswer{*item, ItemResult{}});
  }
  bool ended() const override { return steps_->ended(); }
  void notify(std::function<void()> waker) override { steps_->notify(std::move(waker)); }

 private:
  const std::shared_ptr<Steps> steps_;
  std::atomic<int>& open_;
};

class SteppedService : public service::InferenceService {
 public:
  std::unique_ptr<service::EventStream> submit(service::Request) override {
    auto steps = std::make_shared<Steps>();
    const std::lock_guard lock(mutex_);
    all_.push_back(steps);
    return std::make_unique<SteppedStream>(std::move(steps), open);
  }
  void step_all() {
    std::vector<std::shared_ptr<Steps>> all;
    {
      const std::lock_guard lock(mutex_);
      all = all_;
    }
    for (const auto& one : all) one->step();
  }

  std::atomic<int> open = 0;

 private:
  std::mutex mutex_;
  std::vector<std::shared_ptr<Steps>> all_;  // guarded by mutex_
};

class EventFormatter : public Formatter {
 public:
  std::optional<http::ResponseHead> streams() override {
    return http::ResponseHead{.headers = {{"content-type", "text/event-stream"}}};
  }
  Status take(service::Event event, std::string& body) override {
    fmt::format_to(std::back_inserter(body), "data: {}\n\n",
                   std::get<service::ItemAnswer>(event).item);
    return {};
  }
  Result<http::Response> finish() override { return http::Response{.body = "data: [DONE]\n\n"}; }
};

Result<Call> parse_steps(Asked) {
  return Call{service::RunItems{.model = "steps", .items = {{.text = "x"}}},
              std::make_unique<EventFormatter>()};
}

std::string text_of(int steps) {
  std::string text;
  for (int i = 0; i < steps; ++i) text += fmt::format("data: {}\n\n", i);
  return steps == kSteps ? text + "data: [DONE]\n\n" : text;
}

class StreamingTest : public testing::Test {
 protected:
  StreamingTest() {
    auto made = http::HttpServer::create({}, {{.address = "127.0.0.1", .handler = &server_}});
    if (!made.ok()) throw std::runtime_error(made.status().to_string());
    http_ = std::move(*made);
  }
  uint16_t port() const { return http_->ports()[0]; }

  SteppedService service_;
  std::unique_ptr<Gate> gate_ = make_open_gate();
  Server server_{
      {},
      {.service = service_,
       .gate = *gate_,
       .more_endpoints = {{.method = "POST", .path = "/test/steps", .parse = parse_steps}}}};
  std::unique_ptr<http::HttpServer> http_;
};

// The body of a chunked answer so far; what is no chunk yet stays in `bytes`.
void read_chunks(std::string& bytes, std::string& body) {
  while (true) {
    const size_t end = bytes.find("\r\n");
    if (end == std::string::npos) return;
    size_t size = 0;
    std::from_chars(bytes.data(), bytes.data() + end, size, 16);
    if (bytes.size() < end + 2 + size + 2) return;
    body += bytes.substr(end + 2, size);
    bytes.erase(0, end + 2 + size + 2);
    if (size == 0) return;
  }
}

TEST_F(StreamingTest, AThousandConnectionsHoldAndEachPieceComesAtOnce) {
  struct Stream {
    std::unique_ptr<http::Client> client;
    std::string bytes;
    std::string body;
  };
  std::vector<Stream> streams(kStreams);
  for (Stream& one : streams) {
    one.client = std::make_unique<http::Client>(port());
    ASSERT_GT(one.client->send("POST /test/steps HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"),
              0);
  }
  ASSERT_TRUE(eventually([&] { return service_.open == kStreams; }));
  for (int step = 1; step <= kSteps; ++step) {
    service_.step_all();
    const std::string expected = text_of(step);
    for (Stream& one : streams) {
      while (one.body.size() < expected.size()) {
        std::array<char, 4096> buffer;  // NOLINT: filled by the next line
        const ssize_t got = one.client->receive(buffer.data(), buffer.size());
        ASSERT_GT(got, 0);
        one.bytes.append(buffer.data(), static_cast<size_t>(got));
        const size_t head = one.body.empty() ? one.bytes.find("\r\n\r\n") : std::string::npos;
        if (head != std::string::npos && one.bytes.starts_with("HTTP/")) {
          ASSERT_THAT(one.bytes, testing::HasSubstr("text/event-stream"));
          one.bytes.erase(0, head + 4);
        }
        read_chunks(one.bytes, one.body);
      }
      ASSERT_EQ(one.body, expected);
    }
  }
  EXPECT_TRUE(eventually([&] { return service_.open == 0; }));
}

TEST_F(StreamingTest, AThousandStreamsHoldOnOneConnectionOfHttp2) {
  http::Client transport(port());
  http::Http2Client client;
  std::vector<int32_t> streams;
  for (int i = 0; i < kStreams; ++i) streams.push_back(client.ask("POST", "/test/steps", ""));
  ASSERT_TRUE(client.say(transport));
  ASSERT_TRUE(client.talk(transport, [&] { return service_.open == kStreams; }));
  for (int step = 1; step <= kSteps; ++step) {
    service_.step_all();
    const std::string expected = text_of(step);
    for (const int32_t stream : streams) {
      ASSERT_TRUE(client.talk(
          transport, [&] { return client.answer(stream).body.size() >= expected.size(); }));
      ASSERT_EQ(client.answer(stream).body, expected);
    }
  }
  for (const int32_t stream : streams) EXPECT_TRUE(client.answer(stream).ended);
}

TEST_F(StreamingTest, WhoLeavesEndsItsStreamAlone) {
  http::Client transport(port());
  http::Http2Client client;
  const int32_t stays = client.ask("POST", "/test/steps", "");
  const int32_t leaves = client.ask("POST", "/test/steps", "");
  ASSERT_TRUE(client.say(transport));
  ASSERT_TRUE(eventually([&] { return service_.open == 2; }));
  client.reset(leaves);
  ASSERT_TRUE(client.say(transport));
  ASSERT_TRUE(eventually([&] { return service_.open == 1; }));
  for (int step = 0; step < kSteps; ++step) service_.step_all();
  EXPECT_EQ(client.wait(transport, stays).body, text_of(kSteps));

  auto other = std::make_unique<http::Client>(port());
  other->send("POST /test/steps HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return service_.open == 1; }));
  other.reset();
  EXPECT_TRUE(eventually([&] { return service_.open == 0; }));
}

}  // namespace
}  // namespace accel::server
