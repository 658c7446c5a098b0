// GET /api/version, as Ollama has it.
#include "accel/engine.h"
#include "server/endpoints.h"
#include "server/json/json_writer.h"

namespace accel::server {
namespace {

Result<http::Response> tell_version(const Asked&, const ServerState&) {
  std::string body;
  JsonWriter json(body);
  json.object([&] { json.member("version", version()); });
  return json_response(std::move(body));
}

constexpr std::string_view kOllamaVersionOperation = R"({
  "responses": {"200": {"description": "The version of accel.",
    "content": {"application/json": {"schema": {
      "type": "object", "required": ["version"], "properties": {
        "version": {"type": "string"}}}}}}}
})";

}  // namespace

Endpoint ollama_version_endpoint() {
  return {.method = "GET",
          .path = "/api/version",
          .scope = Scope::kPublic,
          .errors = ErrorShape::kOllama,
          .summary = "The version of accel (Ollama)",
          .operation = kOllamaVersionOperation,
          .answer = tell_version};
}

}  // namespace accel::server
