// For tests: a call of gRPC to a server, without a socket.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/grpc/messages.h"
#include "server/grpc/status_headers.h"
#include "server/http/message.h"

namespace accel::server::grpc {

struct CallAnswer {
  http::Headers headers;
  std::vector<std::string> messages;
  Status status;  // UNKNOWN: the call has not ended
};

// Takes what is there.
inline void pull_answer(http::Exchange& exchange, CallAnswer& answer, MessageReader& reader) {
  while (std::optional<http::Part> part = exchange.try_next()) {
    if (part->head) answer.headers = part->head->headers;
    reader.add(part->body);
    if (!part->trailers.empty()) answer.status = status_of(part->trailers);
    else if (!http::find(answer.headers, "grpc-status").empty()) {
      answer.status = status_of(answer.headers);
    }
  }
  while (true) {
    auto message = reader.next();
    if (!message.ok() || !*message) return;
    answer.messages.push_back(std::move(**message));
  }
}

inline http::RequestHead call_head(std::string path, http::Headers headers = {}) {
  headers.push_back({"content-type", "application/grpc"});
  return {.method = "POST",
          .path = std::move(path),
          .headers = std::move(headers),
          .peer = "127.0.0.1:1",
          .loopback = true,
          .http2 = true};
}

// One message, and the whole answer.
inline CallAnswer call(http::Handler& handler, std::string path, std::string_view message,
                       http::Headers headers = {}) {
  const auto exchange = handler.open(call_head(std::move(path), std::move(headers)));
  CallAnswer answer{.status = {StatusCode::kUnknown, "no end"}};
  MessageReader reader(http::Coding::kIdentity, UINT32_MAX);
  pull_answer(*exchange, answer, reader);
  if (exchange->ended()) return answer;
  std::string body;
  append_message(message, body);
  exchange->more(body, /*last=*/true);
  pull_answer(*exchange, answer, reader);
  return answer;
}

}  // namespace accel::server::grpc
