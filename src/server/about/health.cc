// Whether the server lives, and whether it is ready: what load balancers and Kubernetes ask.
#include "server/endpoints.h"
#include "server/errors.h"
#include "server/server.h"

namespace accel::server {
namespace {

Result<http::Response> tell_alive(const Asked&, const ServerState&) { return http::Response{}; }

template <ErrorShape shape>
Result<http::Response> tell_ready(const Asked&, const ServerState& state) {
  if (state.ready()) return http::Response{};
  return error_response(shape, 503, "the server is starting or about to stop");
}

constexpr std::string_view kAliveOperation =
    R"({"responses": {"200": {"description": "The server lives."}}})";
constexpr std::string_view kReadyOperation =
    R"({"responses": {"200": {"description": "The server is ready."},
        "503": {"description": "It is starting, or about to stop."}}})";

}  // namespace

Endpoint health_endpoint(std::string_view path) {
  return {.method = "GET",
          .path = path,
          .scope = Scope::kPublic,
          .summary = "Whether the server lives",
          .operation = kAliveOperation,
          .answer = tell_alive};
}

Endpoint ready_endpoint(std::string_view path, ErrorShape errors) {
  return {.method = "GET",
          .path = path,
          .scope = Scope::kPublic,
          .errors = errors,
          .summary = "Whether the server takes requests: its models are loaded, and it stays",
          .operation = kReadyOperation,
          .answer = errors == ErrorShape::kKserve ? tell_ready<ErrorShape::kKserve>
                                                  : tell_ready<ErrorShape::kOpenAi>};
}

}  // namespace accel::server
