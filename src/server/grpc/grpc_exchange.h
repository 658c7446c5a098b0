// A call of gRPC, around the exchanges that answer its messages: those know requests and answers,
// this one how both lie in HTTP/2. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
//
// An answer with a known length is one message; of one that streams the formatter has written the
// messages itself (append_message). An answer that is an error has the headers of status_headers().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "accel/status.h"
#include "server/http/message.h"

namespace accel::server::grpc {

struct GrpcCall {
  // Opens what answers one message.
  std::function<std::unique_ptr<http::Exchange>()> open;
  uint64_t message_bytes_max = 64 << 20;  // of a request, decoded
  // Null: the call has one message. Else it may have many, each a request of its own, and the
  // answers come in their order: what a request's error is as a message.
  std::string (*error_message)(const Status& status) = nullptr;
};

// `headers` are the request's.
std::unique_ptr<http::Exchange> make_grpc_exchange(const http::Headers& headers, GrpcCall call);

// Whether a request speaks gRPC.
bool is_grpc(const http::RequestHead& head);

}  // namespace accel::server::grpc
