// Errors as clients see them: a status as HTTP has it, in the form of each protocol. Pure.
#pragma once

#include <string>

#include "accel/status.h"
#include "server/endpoint.h"
#include "server/http/message.h"

namespace accel::server {

// 400 for what is wrong with the request, 404, 409, 429 for quotas, 499 for a client that has left,
// 501, 503 for what may be better later, 504; 500 for the rest, which are faults of ours.
int http_status(StatusCode code);

// * kOpenAi: {"error": {"message": "...", "type": "invalid_request_error", "param": null,
//   "code": "invalid_argument"}}
// * kKserve, kOllama: {"error": "..."}
// * kTei: {"error": "...", "error_type": "Validation"}
// * kGrpc: the headers of grpc/status_headers.h
// With X-Accel-Status, the code's own name, which HTTP's number leaves open; and Retry-After where
// waiting helps.
http::Response error_response(ErrorShape shape, const Status& status);

// The same for an error that HTTP itself names: 404 for a path, 405, 413 ...
http::Response error_response(ErrorShape shape, int status, const std::string& message);

// Only the body: for answers that stream and break off.
std::string error_body(ErrorShape shape, int status, StatusCode code, const std::string& message);

}  // namespace accel::server
