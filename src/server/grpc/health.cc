// grpc.health.v1.Health/Check: whether new requests make sense, for load balancers.
#include <fmt/format.h>

#include <algorithm>

#include "base/protobuf.h"
#include "server/grpc/methods.h"
#include "server/server.h"

namespace accel::server {
namespace grpc {
namespace {

constexpr uint64_t kServing = 1;
constexpr uint64_t kNotServing = 2;

bool has_service(const ServerState& state, std::string_view service) {
  return std::ranges::any_of(state.grpc_methods(), [&](const Endpoint& method) {
    const std::string_view path = method.path.substr(1);
    return path.substr(0, path.find('/')) == service;
  });
}

Result<http::Response> check_health(const Asked& asked, const ServerState& state) {
  std::string service;
  WireReader reader(asked.body);
  while (const auto field = reader.next()) {
    if (field->is(1, WireType::kBytes)) service = field->bytes;
  }
  if (reader.broken()) return invalid_argument("expected a message, found other bytes");
  if (!service.empty() && !has_service(state, service)) {
    return not_found(fmt::format("this server has no service '{}'", service));
  }
  WireWriter writer;
  writer.integer(1, state.ready() ? kServing : kNotServing);
  return http::Response{.body = writer.take()};
}

}  // namespace
}  // namespace grpc

Endpoint grpc_health_method() {
  return {.method = "POST",
          .path = "/grpc.health.v1.Health/Check",
          .scope = Scope::kPublic,
          .errors = ErrorShape::kGrpc,
          .answer = grpc::check_health};
}

}  // namespace accel::server
