// For tests: a service that answers as it is told to, and a way to ask a server without a socket.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/http/message.h"
#include "server/http/target.h"
#include "server/server.h"
#include "service/inference_service.h"

namespace accel::server {

// The events that were prepared, one after another.
class ScriptedStream : public service::EventStream {
 public:
  explicit ScriptedStream(std::vector<Result<service::Event>> events)
      : events_(std::make_move_iterator(events.begin()), std::make_move_iterator(events.end())) {}

  std::optional<Result<service::Event>> try_next() override {
    if (events_.empty()) return std::nullopt;
    Result<service::Event> event = std::move(events_.front());
    events_.pop_front();
    return event;
  }
  bool ended() const override { return events_.empty(); }
  void notify(std::function<void()> waker) override { waker(); }

 private:
  std::deque<Result<service::Event>> events_;
};

// Answers with what `answer` makes of a request, and keeps what was asked.
class ServiceDouble : public service::InferenceService {
 public:
  using Answer = std::function<std::vector<Result<service::Event>>(const service::Request&)>;
  explicit ServiceDouble(Answer answer) : answer_(std::move(answer)) {}

  std::unique_ptr<service::EventStream> submit(service::Request request) override {
    auto events = answer_(request);
    requests.push_back(std::move(request));
    return std::make_unique<ScriptedStream>(std::move(events));
  }

  std::vector<service::Request> requests;

 private:
  const Answer answer_;
};

// An embedding of as many numbers as asked for: the item's place, then 0.5.
inline ItemResult embedding_result(size_t item, size_t size = 3) {
  std::vector<float> row(size, 0.5F);
  row[0] = static_cast<float>(item);
  auto report = std::make_shared<RunReport>();
  report->backend = "openvino";
  report->device = "CPU";
  return {.result = {.answer = Features{Tensor::from<float>({static_cast<int64_t>(size)}, row)}},
          .times = {.prepare = 0.1, .queue = 0.2, .infer = 3, .finish = 0.1, .total = 3.4},
          .batch = {.rows = 2, .tokens = 8, .padded_tokens = 1, .device = "CPU"},
          .tokens = 4,
          .report = report};
}

// Embeddings of every item, the last one first.
inline std::vector<Result<service::Event>> embeddings_of(const service::Request& request) {
  std::vector<Result<service::Event>> events;
  const auto& asked = std::get<service::RunItems>(request);
  for (size_t item = asked.items.size(); item > 0; --item) {
    events.emplace_back(service::ItemAnswer{item - 1, embedding_result(item - 1)});
  }
  return events;
}

struct Asking {
  std::string method = "GET";
  std::string target = "/";
  std::string body = {};
  http::Headers headers = {};
};

// The answer to a request, whole.
inline http::Response ask(http::Handler& handler, Asking asking) {
  const auto target = http::parse_target(asking.target);
  if (!target.ok()) return handler.refuse(400, target.status().message());
  http::RequestHead head{.method = asking.method,
                         .path = target->path,
                         .query = target->query,
                         .headers = asking.headers,
                         .content_length = asking.body.size(),
                         .peer = "127.0.0.1:1",
                         .loopback = true};
  const auto exchange = handler.open(std::move(head));
  http::Response response;
  std::optional<http::Part> part = exchange->try_next();
  if (!part && !exchange->ended()) {
    asking.body.reserve(asking.body.size() + 64);
    exchange->begin(std::move(asking.body));
    part = exchange->try_next();
  }
  for (; part; part = exchange->try_next()) {
    if (part->head) {
      response.status = part->head->status;
      response.headers = part->head->headers;
    }
    response.body += part->body;
  }
  return response;
}

}  // namespace accel::server
