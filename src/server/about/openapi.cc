#include "server/about/openapi.h"

#include <cctype>
#include <string>

#include "accel/engine.h"
#include "base/json.h"
#include "server/endpoints.h"
#include "server/server.h"

namespace accel::server {
namespace {

using Ordered = nlohmann::ordered_json;

std::string_view schema_of(ErrorShape shape) {
  switch (shape) {
    case ErrorShape::kOpenAi: return "OpenAiError";
    case ErrorShape::kKserve:
    case ErrorShape::kOllama: return "PlainError";
    case ErrorShape::kTei: return "TypedError";
    case ErrorShape::kCohere: return "MessageError";
    case ErrorShape::kGrpc: break;
  }
  return "PlainError";
}

Ordered reference_to(ErrorShape shape) {
  return {{"$ref", "#/components/schemas/" + std::string(schema_of(shape))}};
}

Ordered error_of(ErrorShape shape, const char* description) {
  return {{"description", description},
          {"content", {{"application/json", {{"schema", reference_to(shape)}}}}}};
}

// Of a status that HTTP itself may answer before it is known which endpoint a request is for, and
// so in OpenAI's shape.
Ordered early_error_of(ErrorShape shape, const char* description) {
  if (schema_of(shape) == schema_of(ErrorShape::kOpenAi)) return error_of(shape, description);
  Ordered error = error_of(shape, description);
  error["content"]["application/json"]["schema"] = {
      {"anyOf", {reference_to(shape), reference_to(ErrorShape::kOpenAi)}}};
  return error;
}

// The names between braces, in order.
std::vector<std::string> names_of(std::string_view path) {
  std::vector<std::string> names;
  for (size_t at = path.find('{'); at != std::string_view::npos; at = path.find('{', at + 1)) {
    names.emplace_back(path.substr(at + 1, path.find('}', at) - at - 1));
  }
  return names;
}

// "post_v2_models_model_infer"
std::string operation_id(const Endpoint& endpoint) {
  std::string id;
  for (const char c : std::string(endpoint.method) + std::string(endpoint.path)) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      id += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!id.empty() && id.back() != '_' && c == '/') {
      id += '_';
    }
  }
  return id;
}

// What stands for a name of the path is one segment, decoded; it has no control character.
Ordered path_schema(std::string_view name) {
  constexpr const char* kSegment = R"(^[^/\u0000-\u001F\u007F]+$)";
  constexpr const char* kVersion = "^[1-9][0-9]{0,8}$";
  return {{"type", "string"}, {"pattern", name == "version" ? kVersion : kSegment}};
}

// The errors that any endpoint may answer beside its own.
void add_errors(const Endpoint& endpoint, Ordered& responses) {
  const ErrorShape shape = endpoint.errors;
  const auto add = [&](const char* status, const Ordered& error) {
    if (!responses.contains(status)) responses[status] = error;
  };
  if (shape == ErrorShape::kTei) {
    add("400", error_of(ErrorShape::kOpenAi, "The request cannot be read."));
    add("422", error_of(shape, "The request is wrong."));
    add("424", error_of(shape, "The model failed, or is for something else."));
  } else {
    add("400", early_error_of(shape, "The request is wrong."));
    add("501", error_of(shape, "This build does not do it with such a model."));
  }
  add("404", error_of(shape, "No such model."));
  add("408", early_error_of(shape, "The request came too slowly."));
  add("413", early_error_of(shape, "The request is too long."));
  add("415", early_error_of(shape, "The body's Content-Encoding is not known."));
  add("429", error_of(shape, shape == ErrorShape::kTei
                                 ? "Too much to do; Retry-After says when to try again."
                                 : "The key has asked too much; Retry-After says when to try "
                                   "again."));
  add("431", early_error_of(shape, "The headers are too long."));
  add("503", error_of(shape, "Too much to do, or what is needed is not there."));
  add("504", error_of(shape, "The time is over that the client or the server allows."));
}

Ordered operation_of(const Endpoint& endpoint) {
  Ordered operation{{"operationId", operation_id(endpoint)},
                    {"summary", std::string(endpoint.summary)}};
  Ordered parameters = Ordered::array();
  for (const std::string& name : names_of(endpoint.path)) {
    parameters.push_back({{"name", name},
                          {"in", "path"},
                          {"required", true},
                          {"example", name == "version" ? "1" : "default"},
                          {"schema", path_schema(name)}});
  }
  if (endpoint.parse != nullptr) {
    parameters.push_back({{"$ref", "#/components/parameters/RequestId"}});
    parameters.push_back({{"$ref", "#/components/parameters/RequestTimeout"}});
  }
  const Ordered own = Ordered::parse(endpoint.operation);
  for (const auto& [name, value] : own.items()) {
    if (name == "parameters") {
      for (const Ordered& one : value) parameters.push_back(one);
    } else {
      operation[name] = value;
    }
  }
  if (!parameters.empty()) operation["parameters"] = parameters;
  Ordered& responses = operation["responses"];
  if (endpoint.parse != nullptr) add_errors(endpoint, responses);
  if (endpoint.scope != Scope::kPublic) {
    responses["401"] = error_of(endpoint.errors, "A key is needed.");
    responses["403"] = error_of(endpoint.errors, "The key does not allow it, or nobody the URL.");
    operation["security"] = Ordered::array({{{"key", Ordered::array()}}, Ordered::object()});
  } else {
    operation["security"] = Ordered::array();
  }
  return operation;
}

Ordered components() {
  return Ordered::parse(R"({
    "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
    "parameters": {
      "RequestId": {"name": "X-Request-Id", "in": "header", "required": false,
        "description": "Comes back. One with others than 128 letters, digits and -._: is ignored.",
        "schema": {"type": "string"}},
      "RequestTimeout": {"name": "X-Request-Timeout-Ms", "in": "header", "required": false,
        "description": "How long the client waits, in milliseconds.",
        "schema": {"type": "number", "exclusiveMinimum": 0}}},
    "schemas": {
      "OpenAiError": {"type": "object", "required": ["error"], "properties": {"error": {
        "type": "object", "required": ["message", "type", "param", "code"], "properties": {
          "message": {"type": "string"}, "type": {"type": "string"},
          "param": {"type": ["string", "null"]}, "code": {"type": ["string", "null"]}}}}},
      "PlainError": {"type": "object", "required": ["error"],
        "properties": {"error": {"type": "string"}}},
      "TypedError": {"type": "object", "required": ["error", "error_type"],
        "properties": {"error": {"type": "string"}, "error_type": {
          "enum": ["Validation", "Backend", "Overloaded", "Unhealthy"]}}},
      "MessageError": {"type": "object", "required": ["message"],
        "properties": {"message": {"type": "string"}}}}
  })");
}

Result<http::Response> tell_openapi(const Asked&, const ServerState& state) {
  return json_response(openapi_of(state.endpoints()));
}

}  // namespace

std::string openapi_of(std::span<const Endpoint> endpoints) {
  Ordered paths = Ordered::object();
  for (const Endpoint& endpoint : endpoints) {
    std::string method(endpoint.method);
    for (char& c : method) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    paths[std::string(endpoint.path)][method] = operation_of(endpoint);
  }
  const Ordered file{{"openapi", "3.1.0"},
                     {"info",
                      {{"title", "accel"},
                       {"version", std::string(version())},
                       {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
                     {"paths", paths},
                     {"components", components()}};
  return file.dump(1);
}

Endpoint openapi_endpoint() {
  return {.method = "GET",
          .path = "/openapi.json",
          .scope = Scope::kPublic,
          .summary = "This description",
          .operation = R"({"responses": {"200": {"description": "An OpenAPI 3.1 file.",
              "content": {"application/json": {"schema": {"type": "object"}}}}}})",
          .answer = tell_openapi};
}

}  // namespace accel::server
