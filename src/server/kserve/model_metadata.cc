// GET /v2/models/{model}: what a model takes and gives, as numbers of its own graph.
#include "server/endpoints.h"
#include "server/json/json_writer.h"
#include "server/kserve/datatypes.h"
#include "server/kserve/described_models.h"
#include "server/kserve/ports.h"

namespace accel::server {
namespace kserve {
namespace {

void write_ports(JsonWriter& json, std::span<const PortReport> ports) {
  json.array([&] {
    for (const PortReport& port : ports) {
      if (name_of(port.dtype).empty()) continue;
      json.object([&] {
        json.member("name", port.name);
        json.member("datatype", name_of(port.dtype));
        json.name("shape");
        write_shape(json, port.shape);
      });
    }
  });
}

Result<http::Response> write_metadata(const service::ServedModel& model) {
  if (!model.facts) return internal_error("expected the model's facts, found none");
  std::string body;
  JsonWriter json(body);
  json.object([&] {
    json.member("name", model.state.name);
    json.name("versions");
    json.array([&] {
      for (const int version : model.versions) json.value(std::to_string(version));
    });
    json.member("platform", platform_of(*model.facts));
    json.name("inputs");
    write_ports(json, model.facts->inputs);
    json.name("outputs");
    write_ports(json, graph_outputs(*model.facts));
  });
  return json_response(std::move(body));
}

Result<Call> parse_metadata(Asked asked) {
  return describe_model(asked, /*facts=*/true, write_metadata);
}

constexpr std::string_view kMetadataOperation = R"({
  "responses": {"200": {"description": "The model; -1 in a shape is any size.",
    "content": {"application/json": {"schema": {
      "type": "object", "required": ["name", "versions", "platform", "inputs", "outputs"],
      "properties": {
        "name": {"type": "string"},
        "versions": {"type": "array", "items": {"type": "string"}},
        "platform": {"type": "string"},
        "inputs": {"type": "array", "items": {
          "type": "object", "required": ["name", "datatype", "shape"], "properties": {
            "name": {"type": "string"}, "datatype": {"type": "string"},
            "shape": {"type": "array", "items": {"type": "integer"}}}}},
        "outputs": {"type": "array", "items": {
          "type": "object", "required": ["name", "datatype", "shape"], "properties": {
            "name": {"type": "string"}, "datatype": {"type": "string"},
            "shape": {"type": "array", "items": {"type": "integer"}}}}}}}}}}}
})";

}  // namespace
}  // namespace kserve

Endpoint kserve_metadata_endpoint(std::string_view path) {
  return {.method = "GET",
          .path = path,
          .errors = ErrorShape::kKserve,
          .summary = "What a model takes and gives (KServe)",
          .operation = kserve::kMetadataOperation,
          .parse = kserve::parse_metadata};
}

}  // namespace accel::server
