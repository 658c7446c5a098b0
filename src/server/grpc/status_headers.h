// How a call of gRPC says what became of it: in headers behind its answer, or in place of it. Pure.
#pragma once

#include "accel/status.h"
#include "server/http/message.h"

namespace accel::server::grpc {

// "grpc-status", which is the number of the code, and of an error "grpc-message".
http::Headers status_headers(const Status& status);

// The status that was written so; UNKNOWN where none was.
Status status_of(const http::Headers& headers);

}  // namespace accel::server::grpc
