// POST /v2/repository/models/{model}/load and /unload, and the same over gRPC.
#include <fmt/format.h>

#include "base/protobuf.h"
#include "base/try.h"
#include "server/endpoints.h"
#include "server/grpc/methods.h"
#include "server/json/json_reader.h"
#include "server/kserve/described_models.h"
#include "server/kserve/infer.h"
#include "server/kserve/infer_body.h"
#include "server/kserve/infer_message.h"

namespace accel::server {
namespace kserve {
namespace {

// Answers without a body when it is done.
class DoneFormatter : public Formatter {
 public:
  Status take(service::Event event, std::string&) override {
    if (std::holds_alternative<service::Done>(event)) return {};
    return internal_error("expected the end of a change, found another event");
  }
  Result<http::Response> finish() override { return http::Response{}; }
};

Result<Parameters> control_parameters(std::string& body) {
  Parameters parameters;
  if (body.empty()) return parameters;
  ACCEL_TRY(read_json(body, [&](JsonValue& root) {
    return root.members([&](std::string_view name, JsonValue& value) {
      return name == "parameters" ? read_parameters(value, parameters) : value.skip();
    });
  }));
  return parameters;
}

// The model's name and parameters of a message.
Result<std::string> control_message(std::string_view message, Parameters& parameters) {
  std::string name;
  WireReader reader(message);
  while (const auto field = reader.next()) {
    if (field->is(2, WireType::kBytes)) name = field->bytes;
    if (field->is(3, WireType::kBytes)) ACCEL_TRY(read_parameter_entry(field->bytes, parameters));
  }
  if (reader.broken()) return invalid_argument("expected a message, found other bytes");
  return service_name(name, "");
}

Result<Call> load_call(std::string model, const Parameters& parameters) {
  if (!parameters.empty()) {
    return invalid_argument(
        fmt::format("parameter '{}': a model is loaded as it was defined when the server started; "
                    "expected no configuration and no files",
                    parameters.begin()->first.substr(0, 80)));
  }
  return Call{service::Load{std::move(model)}, std::make_unique<DoneFormatter>()};
}

// No model here depends on another one: with them or without is the same.
Result<Call> unload_call(std::string model, const Parameters& parameters) {
  ACCEL_TRY(find_bool(parameters, "unload_dependents").status());
  for (const auto& [name, value] : parameters) {
    if (name == "unload_dependents") continue;
    return invalid_argument(
        fmt::format("parameter '{}': expected none but 'unload_dependents'", name.substr(0, 80)));
  }
  return Call{service::Unload{std::move(model)}, std::make_unique<DoneFormatter>()};
}

using ControlCall = Result<Call> (*)(std::string model, const Parameters& parameters);

template <ControlCall call>
Result<Call> parse_control(Asked asked) {
  ACCEL_ASSIGN(const Parameters parameters, control_parameters(asked.body));
  ACCEL_ASSIGN(std::string model, model_of_path(asked));
  return call(std::move(model), parameters);
}

template <ControlCall call>
Result<Call> parse_control_message(Asked asked) {
  Parameters parameters;
  ACCEL_ASSIGN(std::string model, control_message(asked.body, parameters));
  return call(std::move(model), parameters);
}

constexpr std::string_view kLoadOperation = R"({
  "requestBody": {"required": false, "content": {"application/json": {"schema": {
    "type": "object", "properties": {"parameters": {
      "type": "object", "additionalProperties": {"type": "null"}}}}}}},
  "responses": {"200": {"description": "The model is loaded."}}
})";

constexpr std::string_view kUnloadOperation = R"({
  "requestBody": {"required": false, "content": {"application/json": {"schema": {
    "type": "object", "properties": {"parameters": {"type": "object", "properties": {
      "unload_dependents": {"type": ["boolean", "null"]}},
      "additionalProperties": {"type": "null"}}}}}}},
  "responses": {"200": {"description": "The model is unloaded as soon as nobody uses it."}}
})";

}  // namespace
}  // namespace kserve

Endpoint kserve_load_endpoint() {
  return {.method = "POST",
          .path = "/v2/repository/models/{model}/load",
          .scope = Scope::kAdmin,
          .errors = ErrorShape::kKserve,
          .summary = "Loads a model (Triton)",
          .operation = kserve::kLoadOperation,
          .parse = kserve::parse_control<kserve::load_call>};
}

Endpoint kserve_unload_endpoint() {
  return {.method = "POST",
          .path = "/v2/repository/models/{model}/unload",
          .scope = Scope::kAdmin,
          .errors = ErrorShape::kKserve,
          .summary = "Unloads a model (Triton)",
          .operation = kserve::kUnloadOperation,
          .parse = kserve::parse_control<kserve::unload_call>};
}

Endpoint kserve_repository_load_method() {
  return {.method = "POST",
          .path = "/inference.GRPCInferenceService/RepositoryModelLoad",
          .scope = Scope::kAdmin,
          .errors = ErrorShape::kGrpc,
          .parse = kserve::parse_control_message<kserve::load_call>};
}

Endpoint kserve_repository_unload_method() {
  return {.method = "POST",
          .path = "/inference.GRPCInferenceService/RepositoryModelUnload",
          .scope = Scope::kAdmin,
          .errors = ErrorShape::kGrpc,
          .parse = kserve::parse_control_message<kserve::unload_call>};
}

}  // namespace accel::server
