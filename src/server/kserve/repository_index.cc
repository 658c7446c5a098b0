// POST /v2/repository/index: every model that is served, and its state.
#include "base/try.h"
#include "server/endpoints.h"
#include "server/json/json_reader.h"
#include "server/json/json_writer.h"
#include "server/kserve/described_models.h"

namespace accel::server {
namespace kserve {
namespace {

void write_entry(JsonWriter& json, const service::ServedModel& model) {
  json.object([&] {
    json.member("name", model.state.name);
    json.member("version", version_of(model));
    json.member("state", index_state(model.state.state));
    json.member("reason", index_reason(model.state));
  });
}

http::Response index_response(const service::ServedModels& models, bool ready_only) {
  std::string body;
  JsonWriter json(body);
  json.array([&] {
    for (const service::ServedModel& model : models.models) {
      if (!ready_only || model.state.state == ModelState::kLoaded) write_entry(json, model);
    }
  });
  return json_response(std::move(body));
}

Result<http::Response> write_index(const service::ServedModels& models) {
  return index_response(models, /*ready_only=*/false);
}

Result<http::Response> write_ready_index(const service::ServedModels& models) {
  return index_response(models, /*ready_only=*/true);
}

Result<Call> parse_index(Asked asked) {
  std::optional<bool> ready;
  if (!asked.body.empty()) {
    ACCEL_TRY(read_json(asked.body, [&](JsonValue& root) {
      return root.members([&](std::string_view name, JsonValue& value) {
        return name == "ready" ? value.read(ready) : value.skip();
      });
    }));
  }
  return describe_models(ready.value_or(false) ? write_ready_index : write_index);
}

constexpr std::string_view kIndexOperation = R"({
  "requestBody": {"required": false, "content": {"application/json": {"schema": {
    "type": "object", "properties": {"ready": {"type": ["boolean", "null"],
      "description": "Only those that are loaded."}}}}}},
  "responses": {"200": {"description": "The models, by name and version.",
    "content": {"application/json": {"schema": {
      "type": "array", "items": {
        "type": "object", "required": ["name", "version", "state", "reason"], "properties": {
          "name": {"type": "string"}, "version": {"type": "string"},
          "state": {"enum": ["READY", "LOADING", "UNLOADING", "UNAVAILABLE"]},
          "reason": {"type": "string"}}}}}}}}
})";

}  // namespace
}  // namespace kserve

Endpoint kserve_index_endpoint() {
  return {.method = "POST",
          .path = "/v2/repository/index",
          .errors = ErrorShape::kKserve,
          .summary = "The models that are served, and their states (Triton)",
          .operation = kserve::kIndexOperation,
          .parse = kserve::parse_index};
}

}  // namespace accel::server
