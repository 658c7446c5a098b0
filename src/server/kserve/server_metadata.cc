// GET /v2: what the server is, and which extensions of the protocol it has.
#include <algorithm>

#include "accel/engine.h"
#include "server/endpoints.h"
#include "server/json/json_writer.h"
#include "server/kserve/server_extensions.h"
#include "server/server.h"

namespace accel::server {
namespace kserve {
namespace {

bool has_path(const ServerState& state, std::string_view path) {
  return std::ranges::find(state.endpoints(), path, &Endpoint::path) != state.endpoints().end();
}

}  // namespace

std::vector<std::string> server_extensions(const ServerState& state) {
  std::vector<std::string> extensions;
  const auto add = [&](std::string_view path, std::initializer_list<const char*> names) {
    if (has_path(state, path)) extensions.insert(extensions.end(), names.begin(), names.end());
  };
  add("/v2/models/{model}/infer",
      {"classification", "binary_tensor_data", "parameters", "schedule_policy"});
  add("/v2/repository/models/{model}/unload",
      {"model_repository", "model_repository(unload_dependents)"});
  add("/v2/models/{model}/config", {"model_configuration"});
  add("/v2/models/{model}/stats", {"statistics"});
  return extensions;
}

namespace {

Result<http::Response> tell_server_metadata(const Asked&, const ServerState& state) {
  std::string body;
  JsonWriter json(body);
  json.object([&] {
    json.member("name", "accel");
    json.member("version", version());
    json.name("extensions");
    json.value(std::span<const std::string>(server_extensions(state)));
  });
  return json_response(std::move(body));
}

constexpr std::string_view kServerOperation = R"({
  "responses": {"200": {"description": "The server.",
    "content": {"application/json": {"schema": {
      "type": "object", "required": ["name", "version", "extensions"], "properties": {
        "name": {"const": "accel"}, "version": {"type": "string"},
        "extensions": {"type": "array", "items": {"type": "string"}}}}}}}}
})";

}  // namespace
}  // namespace kserve

Endpoint kserve_server_endpoint() {
  return {.method = "GET",
          .path = "/v2",
          .scope = Scope::kPublic,
          .errors = ErrorShape::kKserve,
          .summary = "What the server is (KServe)",
          .operation = kserve::kServerOperation,
          .answer = kserve::tell_server_metadata};
}

}  // namespace accel::server
