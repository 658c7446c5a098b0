// POST /v2/repository/models/{model}/load and /unload.
#include <fmt/format.h>

#include "base/try.h"
#include "server/endpoints.h"
#include "server/json/json_reader.h"
#include "server/kserve/described_models.h"
#include "server/kserve/infer_body.h"

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

Result<Call> parse_load(Asked asked) {
  ACCEL_ASSIGN(const Parameters parameters, control_parameters(asked.body));
  if (!parameters.empty()) {
    return invalid_argument(
        fmt::format("parameter '{}': a model is loaded as it was defined when the server started; "
                    "expected no configuration and no files",
                    parameters.begin()->first.substr(0, 80)));
  }
  ACCEL_ASSIGN(std::string model, model_of_path(asked));
  return Call{service::Load{std::move(model)}, std::make_unique<DoneFormatter>()};
}

// No model here depends on another one: with them or without is the same.
Result<Call> parse_unload(Asked asked) {
  ACCEL_ASSIGN(const Parameters parameters, control_parameters(asked.body));
  ACCEL_TRY(find_bool(parameters, "unload_dependents").status());
  for (const auto& [name, value] : parameters) {
    if (name == "unload_dependents") continue;
    return invalid_argument(
        fmt::format("parameter '{}': expected none but 'unload_dependents'", name.substr(0, 80)));
  }
  ACCEL_ASSIGN(std::string model, model_of_path(asked));
  return Call{service::Unload{std::move(model)}, std::make_unique<DoneFormatter>()};
}

constexpr std::string_view kLoadOperation = R"({
  "requestBody": {"required": false, "content": {"application/json": {"schema": {
    "type": "object", "properties": {"parameters": {"type": "object", "maxProperties": 0}}}}}},
  "responses": {"200": {"description": "The model is loaded."}}
})";

constexpr std::string_view kUnloadOperation = R"({
  "requestBody": {"required": false, "content": {"application/json": {"schema": {
    "type": "object", "properties": {"parameters": {"type": "object", "properties": {
      "unload_dependents": {"type": "boolean"}}, "additionalProperties": false}}}}}},
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
          .parse = kserve::parse_load};
}

Endpoint kserve_unload_endpoint() {
  return {.method = "POST",
          .path = "/v2/repository/models/{model}/unload",
          .scope = Scope::kAdmin,
          .errors = ErrorShape::kKserve,
          .summary = "Unloads a model (Triton)",
          .operation = kserve::kUnloadOperation,
          .parse = kserve::parse_unload};
}

}  // namespace accel::server
