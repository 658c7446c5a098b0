// POST /api/embed, as Ollama has it: texts to embeddings.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/try.h"
#include "server/collected_items.h"
#include "server/endpoints.h"
#include "server/given_texts.h"
#include "server/json/json_writer.h"
#include "server/ollama/ollama_models.h"

namespace accel::server {
namespace {

constexpr double kNanosecondsPerMs = 1e6;

class OllamaEmbedFormatter : public Formatter {
 public:
  OllamaEmbedFormatter(std::string model, size_t count, bool truncate)
      : model_(std::move(model)), truncate_(truncate), collected_(count) {}

  Status take(service::Event event, std::string&) override {
    if (std::holds_alternative<service::Done>(event)) return {};  // it was only loaded
    return collected_.take(std::move(event));
  }

  Result<http::Response> finish() override {
    std::string body;
    JsonWriter json(body);
    Status failure;
    double longest_ms = 0;
    json.object([&] {
      json.member("model", model_);
      json.name("embeddings");
      json.array([&] {
        for (size_t i = 0; i < collected_.items().size() && failure.ok(); ++i) {
          failure = write(json, i);
          longest_ms = std::max(longest_ms, collected_.items()[i].times.total);
        }
      });
      json.member("total_duration", static_cast<uint64_t>(longest_ms * kNanosecondsPerMs));
      json.member("load_duration", 0);
      json.member("prompt_eval_count", collected_.tokens());
    });
    ACCEL_TRY(failure);
    return json_response(std::move(body));
  }

 private:
  Status write(JsonWriter& json, size_t item) const {
    if (!truncate_ && collected_.items()[item].result.truncated) {
      return invalid_argument(fmt::format(
          "input[{}]: expected no more tokens than the model reads, found more; with \"truncate\": "
          "true the rest is dropped",
          item));
    }
    ACCEL_ASSIGN(const std::span<const float> row, collected_.embedding(item));
    json.numbers(row);
    return {};
  }

  const std::string model_;
  const bool truncate_;
  CollectedItems collected_;
};

Result<Call> parse_ollama_embed(Asked asked) {
  std::string model;
  std::vector<std::string> texts;
  bool lone_text = false;
  std::optional<bool> truncate;
  std::optional<int64_t> dimensions;
  ACCEL_TRY(read_json(asked.body, [&](JsonValue& root) {
    return root.members([&](std::string_view name, JsonValue& value) -> Status {
      if (name == "model") return value.read(model);
      if (name == "input") {
        if (value.kind() == JsonKind::kNull) return value.skip();
        lone_text = value.kind() == JsonKind::kString;
        return read_texts(value, name, asked.limits, texts);
      }
      if (name == "truncate") return value.read(truncate);
      if (name == "dimensions") return value.read(dimensions);
      return value.skip();  // "options", "keep_alive" and what is to come
    });
  }));
  std::string target = ollama_target(model);
  if (target.empty()) return invalid_argument("model: expected a model's name, found none");
  if (dimensions && *dimensions < 0) {
    return invalid_argument(fmt::format("dimensions: expected at least 0, found {}", *dimensions));
  }
  if (lone_text && texts[0].empty()) texts.clear();
  auto formatter =
      std::make_unique<OllamaEmbedFormatter>(model, texts.size(), truncate.value_or(true));
  if (texts.empty()) return Call{service::Load{std::move(target)}, std::move(formatter)};
  service::RunItems run{.model = std::move(target),
                        .items = items_of(std::move(texts)),
                        .how = {.task = "sentence-embedding"}};
  run.how.options.normalize = true;
  if (dimensions.value_or(0) > 0) run.how.options.dimensions = dimensions;
  return Call{std::move(run), std::move(formatter)};
}

constexpr std::string_view kOllamaEmbedOperation = R"({
  "requestBody": {"required": true, "content": {"application/json": {
    "example": {"model": "default", "input": ["a text", "another"]},
    "schema": {
    "type": "object", "required": ["model"], "properties": {
      "model": {"type": "string", "minLength": 1, "description": "\"name:latest\" is \"name\"."},
      "input": {"description": "A text or several; none only loads the model.", "oneOf": [
        {"type": "string"}, {"type": "array", "items": {"type": "string"}}, {"type": "null"}]},
      "truncate": {"type": ["boolean", "null"], "default": true,
        "description": "A text that is too long is cut; else it is refused."},
      "dimensions": {"type": ["integer", "null"], "minimum": 0, "maximum": 9223372036854775807,
        "description": "Only so many numbers, brought back to unit length; 0: all."},
      "options": {"description": "Has no effect: a model reads what it reads."},
      "keep_alive": {
        "description": "Has no effect: how long models stay is set where they are served."}}}}}},
  "responses": {"200": {"description": "Embeddings of unit length, in the order of the texts.",
    "content": {"application/json": {"schema": {
      "type": "object", "required": ["model", "embeddings"], "properties": {
        "model": {"type": "string", "description": "As it was asked for."},
        "embeddings": {"type": "array", "items": {
          "type": "array", "items": {"type": "number"}}},
        "total_duration": {"type": "integer",
          "description": "Nanoseconds of the text that took longest, loading not included."},
        "load_duration": {"const": 0, "description": "Not known."},
        "prompt_eval_count": {"type": "integer", "description": "Tokens of all texts."}}}}}}}
})";

}  // namespace

Endpoint ollama_embed_endpoint() {
  return {.method = "POST",
          .path = "/api/embed",
          .errors = ErrorShape::kOllama,
          .summary = "Texts to embeddings (Ollama)",
          .operation = kOllamaEmbedOperation,
          .parse = parse_ollama_embed};
}

}  // namespace accel::server
