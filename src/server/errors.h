// Errors as clients see them: a status as HTTP has it, in the form of each protocol. Pure.
#pragma once

#include <string>

#include "accel/status.h"
#include "server/endpoint.h"
#include "server/http/message.h"

namespace accel::server {

// 400 for what is wrong with the request, 404, 409, 429 for quotas, 499 for a client that has left,
// 501, 503 for what may be better later, 504; 500 for the rest, which are faults of ours.
//
// Of kTei as its reference has it: 422 for what is wrong with the request, but 413 for more of it
// than may be (OUT_OF_RANGE); 424 where the model fails or is for something else; 429 where there
// is too much to do; 503 where what is needed is not there.
int http_status(ErrorShape shape, StatusCode code);

// * kOpenAi: {"error": {"message": "...", "type": "invalid_request_error", "param": null,
//   "code": "invalid_argument"}}
// * kKserve, kOllama: {"error": "..."}
// * kTei: {"error": "...", "error_type": "Validation"}; its types are Validation, Backend,
//   Overloaded and Unhealthy
// * kCohere: {"message": "..."}
// * kGrpc: the headers of grpc/status_headers.h
// With X-Accel-Status, the code's own name, which HTTP's number leaves open; and Retry-After where
// waiting helps.
http::Response error_response(ErrorShape shape, const Status& status);

// The same for an error that HTTP itself names: 404 for a path, 405, 413 ... 503 of a server that
// is too busy is 429 in kTei.
http::Response error_response(ErrorShape shape, int status, const std::string& message);

// Only the body: for answers that stream and break off.
std::string error_body(ErrorShape shape, int status, StatusCode code, const std::string& message);

}  // namespace accel::server
