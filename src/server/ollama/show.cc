// POST /api/show, as Ollama has it: what a model is.
#include <fmt/format.h>

#include <utility>

#include "base/try.h"
#include "server/endpoints.h"
#include "server/json/json_reader.h"
#include "server/json/json_writer.h"
#include "server/ollama/ollama_models.h"

namespace accel::server {
namespace {

class ShowFormatter : public Formatter {
 public:
  Status take(service::Event event, std::string&) override {
    auto* models = std::get_if<service::ServedModels>(&event);
    if (models == nullptr || models->models.size() != 1 || !models->models[0].facts) {
      return internal_error("expected a model with its facts, found another event");
    }
    model_ = std::move(models->models[0]);
    return {};
  }

  Result<http::Response> finish() override {
    std::string body;
    JsonWriter json(body);
    json.object([&] {
      json.name("details");
      write_ollama_details(model_, json);
      json.name("model_info");
      write_info(*model_.facts, json);
      json.name("capabilities");
      json.array([&] {
        if (model_.facts->embedding_size > 0) json.value("embedding");
      });
      json.member("modified_at", kOllamaTime);
    });
    return json_response(std::move(body));
  }

 private:
  // By the names that GGUF files have.
  static void write_info(const ModelReport& facts, JsonWriter& json) {
    const std::string family = facts.family.empty() ? "unknown" : facts.family;
    const int64_t size = facts.embedding_size > 0 ? facts.embedding_size : facts.hidden_size;
    json.object([&] {
      json.member("general.architecture", family);
      json.member("general.parameter_count", facts.parameters);
      json.member(fmt::format("{}.context_length", family), facts.max_tokens);
      json.member(fmt::format("{}.embedding_length", family), size);
      json.member(fmt::format("{}.block_count", family), facts.layers);
      json.member(fmt::format("{}.vocab_size", family), facts.vocabulary);
    });
  }

  service::ServedModel model_;
};

Result<Call> parse_ollama_show(Asked asked) {
  std::string model;
  std::string older;
  ACCEL_TRY(read_json(asked.body, [&](JsonValue& root) {
    return root.members([&](std::string_view name, JsonValue& value) -> Status {
      if (name == "model") return value.read(model);
      if (name == "name") return value.read(older);
      return value.skip();  // "verbose" and what is to come
    });
  }));
  std::string target = ollama_target(model.empty() ? older : model);
  if (target.empty()) return invalid_argument("model: expected a model's name, found none");
  return Call{service::Describe{.model = std::move(target), .facts = true},
              std::make_unique<ShowFormatter>()};
}

constexpr std::string_view kOllamaShowOperation = R"({
  "requestBody": {"required": true, "content": {"application/json": {
    "example": {"model": "default"},
    "schema": {
    "type": "object", "properties": {
      "model": {"type": "string", "description": "\"name:latest\" is \"name\"."},
      "name": {"type": "string", "description": "The same, as older clients say it."},
      "verbose": {"description": "Has no effect."}},
    "anyOf": [
      {"required": ["model"], "properties": {"model": {"minLength": 1}}},
      {"required": ["name"], "properties": {"name": {"minLength": 1}}}]}}}},
  "responses": {"200": {"description": "The model.",
    "content": {"application/json": {"schema": {
      "type": "object", "required": ["details", "model_info", "capabilities"], "properties": {
        "details": {"type": "object", "properties": {
          "parent_model": {"const": ""}, "format": {"type": "string"},
          "family": {"type": "string"},
          "families": {"type": "array", "items": {"type": "string"}},
          "parameter_size": {"type": "string"},
          "quantization_level": {"type": "string"}}},
        "model_info": {"type": "object", "description": "By the names that GGUF files have.",
          "additionalProperties": {"type": ["string", "integer"]}},
        "capabilities": {"type": "array", "items": {"const": "embedding"}},
        "modified_at": {"const": "0001-01-01T00:00:00Z", "description": "Not known."}}}}}}}
})";

}  // namespace

Endpoint ollama_show_endpoint() {
  return {.method = "POST",
          .path = "/api/show",
          .errors = ErrorShape::kOllama,
          .summary = "What a model is (Ollama)",
          .operation = kOllamaShowOperation,
          .parse = parse_ollama_show};
}

}  // namespace accel::server
