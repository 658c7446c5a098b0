// GET /api/tags, as Ollama has it: the models that there are.
#include <utility>

#include "base/try.h"
#include "server/collected_models.h"
#include "server/endpoints.h"
#include "server/json/json_writer.h"
#include "server/ollama/ollama_models.h"

namespace accel::server {
namespace {

class TagsFormatter : public ModelsFormatter {
 public:
  Result<http::Response> finish() override {
    const std::vector<std::vector<std::string>> names = ollama_names(models_);
    std::string body;
    JsonWriter json(body);
    json.object([&] {
      json.name("models");
      json.array([&] {
        for (size_t i = 0; i < names.size(); ++i) {
          for (const std::string& name : names[i]) write(name, models_.models[i], json);
        }
      });
    });
    return json_response(std::move(body));
  }

 private:
  static void write(const std::string& name, const service::ServedModel& model, JsonWriter& json) {
    json.object([&] {
      json.member("name", name);
      json.member("model", name);
      json.member("modified_at", kOllamaTime);
      json.member("size", model.facts ? model.facts->bytes_on_disk : 0);
      json.member("digest", kOllamaDigest);
      json.name("details");
      write_ollama_details(model, json);
    });
  }
};

Result<Call> parse_ollama_tags(Asked) {
  return Call{service::Describe{.facts = true}, std::make_unique<TagsFormatter>()};
}

constexpr std::string_view kOllamaTagsOperation = R"({
  "responses": {"200": {"description": "Every model, also under its other names.",
    "content": {"application/json": {"schema": {
      "type": "object", "required": ["models"], "properties": {
        "models": {"type": "array", "items": {
          "type": "object", "required": ["name", "model"], "properties": {
            "name": {"type": "string", "description": "\"name:latest\", \"name:2\"."},
            "model": {"type": "string", "description": "The same."},
            "modified_at": {"const": "0001-01-01T00:00:00Z", "description": "Not known."},
            "size": {"type": "integer", "description": "Bytes on disk."},
            "digest": {"type": "string", "description": "Zeros: not known."},
            "details": {"type": "object", "properties": {
              "parent_model": {"const": ""}, "format": {"type": "string"},
              "family": {"type": "string"},
              "families": {"type": "array", "items": {"type": "string"}},
              "parameter_size": {"type": "string"},
              "quantization_level": {"type": "string"}}}}}}}}}}}}
})";

}  // namespace

Endpoint ollama_tags_endpoint() {
  return {.method = "GET",
          .path = "/api/tags",
          .errors = ErrorShape::kOllama,
          .summary = "The models that are served (Ollama)",
          .operation = kOllamaTagsOperation,
          .parse = parse_ollama_tags};
}

}  // namespace accel::server
