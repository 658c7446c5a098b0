// GET /v2/models/{model}/config: the part of Triton's model configuration that is true here.
#include "server/endpoints.h"
#include "server/json/json_writer.h"
#include "server/kserve/datatypes.h"
#include "server/kserve/described_models.h"
#include "server/kserve/ports.h"

namespace accel::server {
namespace kserve {
namespace {

void write_config_ports(JsonWriter& json, std::span<const PortReport> ports, bool inputs) {
  json.array([&] {
    for (const PortReport& port : ports) {
      if (name_of(port.dtype).empty()) continue;
      json.object([&] {
        json.member("name", port.name);
        json.member("data_type", "TYPE_" + std::string(name_of(port.dtype)));
        json.name("dims");
        write_shape(json, port.shape);
        if (inputs) json.member("optional", port.optional);
      });
    }
  });
}

void write_parameter(JsonWriter& json, std::string_view name, const std::string& value) {
  json.name(name);
  json.object([&] { json.member("string_value", value); });
}

// Tensors are not batched with those of others, and their shapes are whole: max_batch_size is 0.
Result<http::Response> write_config(const service::ServedModel& model) {
  if (!model.facts) return internal_error("expected the model's facts, found none");
  std::string body;
  JsonWriter json(body);
  json.object([&] {
    json.member("name", model.state.name);
    json.member("platform", platform_of(*model.facts));
    json.member("backend", "accel");
    json.member("max_batch_size", 0);
    json.name("input");
    write_config_ports(json, model.facts->inputs, /*inputs=*/true);
    json.name("output");
    write_config_ports(json, graph_outputs(*model.facts), /*inputs=*/false);
    json.name("parameters");
    json.object([&] {
      write_parameter(json, "task", model.facts->own_task);
      write_parameter(json, "embedding_size", std::to_string(model.facts->embedding_size));
    });
  });
  return json_response(std::move(body));
}

Result<Call> parse_config(Asked asked) {
  return describe_model(asked, /*facts=*/true, write_config);
}

constexpr std::string_view kConfigOperation = R"({
  "responses": {"200": {"description": "Triton's ModelConfig, as far as it applies.",
    "content": {"application/json": {"schema": {
      "type": "object",
      "required": ["name", "platform", "backend", "max_batch_size", "input", "output",
        "parameters"],
      "properties": {
        "name": {"type": "string"}, "platform": {"type": "string"},
        "backend": {"const": "accel"}, "max_batch_size": {"const": 0},
        "input": {"type": "array", "items": {
          "type": "object", "required": ["name", "data_type", "dims"], "properties": {
            "name": {"type": "string"}, "data_type": {"type": "string"},
            "dims": {"type": "array", "items": {"type": "integer"}},
            "optional": {"type": "boolean"}}}},
        "output": {"type": "array", "items": {
          "type": "object", "required": ["name", "data_type", "dims"], "properties": {
            "name": {"type": "string"}, "data_type": {"type": "string"},
            "dims": {"type": "array", "items": {"type": "integer"}}}}},
        "parameters": {"type": "object",
          "description": "task: of items without one; embedding_size: 0 for none",
          "additionalProperties": {"type": "object", "properties": {
            "string_value": {"type": "string"}}}}}}}}}}
})";

}  // namespace
}  // namespace kserve

Endpoint kserve_config_endpoint(std::string_view path) {
  return {.method = "GET",
          .path = path,
          .errors = ErrorShape::kKserve,
          .summary = "A model's configuration (Triton)",
          .operation = kserve::kConfigOperation,
          .parse = kserve::parse_config};
}

}  // namespace accel::server
