// Headers of requests and answers that all endpoints share. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "accel/status.h"
#include "server/http/message.h"
#include "server/request_record.h"

namespace accel::server {

// A client's own name of its request, as "X-Request-Id" has it: up to 128 letters, digits and
// "-._:"; empty: it has none, or another.
std::string_view request_id_of(const http::Headers& headers);

// "X-Request-Timeout-Ms", or "grpc-timeout": how long the client waits. INVALID_ARGUMENT for what
// is no number of milliseconds above 0, or no time as gRPC writes it.
Result<std::optional<double>> timeout_ms_of(const http::Headers& headers);

// What ran and how long it took: X-Request-Id, Server-Timing (of the slowest item, in
// milliseconds), and of an answer that a model gave X-Accel-Backend, -Device and -Precision, with
// X-Accel-Fallback and its reason where another place answered than was asked for, and
// X-Accel-Simulated where devices or faults are simulated.
void add_answer_headers(const RequestRecord& record, http::Headers& headers);

// Cross-origin requests: whether `origin` is one of `allowed`, of which "*" is all.
bool allows_origin(const std::vector<std::string>& allowed, std::string_view origin);

}  // namespace accel::server
