// POST /api/embeddings, as Ollama had it before /api/embed: one text to its embedding.
#include <utility>

#include "base/try.h"
#include "server/collected_items.h"
#include "server/endpoints.h"
#include "server/json/json_reader.h"
#include "server/json/json_writer.h"
#include "server/ollama/ollama_models.h"

namespace accel::server {
namespace {

class OllamaEmbeddingsFormatter : public Formatter {
 public:
  explicit OllamaEmbeddingsFormatter(size_t count) : collected_(count) {}

  Status take(service::Event event, std::string&) override {
    if (std::holds_alternative<service::Done>(event)) return {};  // it was only loaded
    return collected_.take(std::move(event));
  }

  Result<http::Response> finish() override {
    std::span<const float> row;
    if (!collected_.items().empty()) {
      ACCEL_ASSIGN(row, collected_.embedding(0));
    }
    std::string body;
    JsonWriter json(body);
    json.object([&] {
      json.name("embedding");
      json.numbers(row);
    });
    return json_response(std::move(body));
  }

 private:
  CollectedItems collected_;
};

Result<Call> parse_ollama_embeddings(Asked asked) {
  std::string model;
  std::optional<std::string> prompt;
  ACCEL_TRY(read_json(asked.body, [&](JsonValue& root) {
    return root.members([&](std::string_view name, JsonValue& value) -> Status {
      if (name == "model") return value.read(model);
      if (name == "prompt") return value.read(prompt);
      return value.skip();  // "options", "keep_alive" and what is to come
    });
  }));
  std::string target = ollama_target(model);
  if (target.empty()) return invalid_argument("model: expected a model's name, found none");
  if (prompt.value_or("").empty()) {
    return Call{service::Load{std::move(target)}, std::make_unique<OllamaEmbeddingsFormatter>(0)};
  }
  return Call{service::RunItems{.model = std::move(target),
                                .items = {{.text = std::move(*prompt)}},
                                .how = {.task = "sentence-embedding"}},
              std::make_unique<OllamaEmbeddingsFormatter>(1)};
}

constexpr std::string_view kOllamaEmbeddingsOperation = R"({
  "deprecated": true,
  "requestBody": {"required": true, "content": {"application/json": {"schema": {
    "type": "object", "required": ["model"], "properties": {
      "model": {"type": "string", "minLength": 1, "description": "\"name:latest\" is \"name\"."},
      "prompt": {"type": ["string", "null"],
        "description": "What is too long is cut; an empty text only loads the model."},
      "options": {"description": "Has no effect: a model reads what it reads."},
      "keep_alive": {
        "description": "Has no effect: how long models stay is set where they are served."}}}}}},
  "responses": {"200": {"description": "The embedding, of the length that the model gives it.",
    "content": {"application/json": {"schema": {
      "type": "object", "required": ["embedding"], "properties": {
        "embedding": {"type": "array", "items": {"type": "number"}}}}}}}}
})";

}  // namespace

Endpoint ollama_embeddings_endpoint() {
  return {.method = "POST",
          .path = "/api/embeddings",
          .errors = ErrorShape::kOllama,
          .summary = "A text to its embedding (Ollama, older)",
          .operation = kOllamaEmbeddingsOperation,
          .parse = parse_ollama_embeddings};
}

}  // namespace accel::server
