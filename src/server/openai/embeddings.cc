// POST /v1/embeddings, as OpenAI's API has it: one text, several, or their tokens.
#include <fmt/format.h>

#include "base/base64.h"
#include "base/files.h"
#include "base/try.h"
#include "server/collected_items.h"
#include "server/endpoints.h"
#include "server/given_texts.h"
#include "server/json/json_reader.h"
#include "server/json/json_writer.h"

namespace accel::server {
namespace {

struct EmbeddingsBody {
  std::string model;
  std::vector<TaskInput> items;
  std::optional<int64_t> dimensions;
  std::optional<std::string> encoding;  // "float" or "base64"
  std::optional<std::string> prompt;    // ours: a prompt of the model's folder, by its name
};

Result<EmbeddingsBody> read_body(std::string& text, const RequestLimits& limits) {
  EmbeddingsBody body;
  ACCEL_TRY(read_json(text, [&](JsonValue& root) {
    return root.members([&](std::string_view name, JsonValue& value) -> Status {
      if (name == "model") return value.read(body.model);
      if (name == "input") return read_texts_or_ids(value, name, limits, body.items);
      if (name == "dimensions") return value.read(body.dimensions);
      if (name == "encoding_format") return value.read(body.encoding);
      if (name == "prompt_name") return value.read(body.prompt);
      return value.skip();  // "user" and what is to come
    });
  }));
  if (body.model.empty()) return invalid_argument("model: expected a model's name, found none");
  if (body.items.empty()) return invalid_argument("input: expected a text, found none");
  if (body.dimensions && *body.dimensions < 1) {
    return invalid_argument(
        fmt::format("dimensions: expected at least 1, found {}", *body.dimensions));
  }
  if (body.encoding && *body.encoding != "float" && *body.encoding != "base64") {
    return invalid_argument(fmt::format(
        "encoding_format: expected \"float\" or \"base64\", found \"{}\"", *body.encoding));
  }
  return body;
}

class EmbeddingsFormatter : public Formatter {
 public:
  EmbeddingsFormatter(std::string model, size_t count, bool base64)
      : model_(std::move(model)), base64_(base64), collected_(count) {}

  Status take(service::Event event, std::string&) override {
    return collected_.take(std::move(event));
  }

  Result<http::Response> finish() override {
    std::string body;
    JsonWriter json(body);
    Status failure;
    json.object([&] {
      json.member("object", "list");
      json.name("data");
      json.array([&] {
        for (size_t i = 0; i < collected_.items().size() && failure.ok(); ++i) {
          failure = write(json, i);
        }
      });
      json.member("model", model_);
      json.name("usage");
      json.object([&] {
        json.member("prompt_tokens", collected_.tokens());
        json.member("total_tokens", collected_.tokens());
      });
    });
    ACCEL_TRY(failure);
    return json_response(std::move(body));
  }

 private:
  Status write(JsonWriter& json, size_t item) const {
    ACCEL_ASSIGN(const std::span<const float> row, collected_.embedding(item));
    json.object([&] {
      json.member("object", "embedding");
      json.member("index", item);
      json.name("embedding");
      if (base64_) {
        json.value(base64_of(chars(std::as_bytes(row))));
      } else {
        json.numbers(row);
      }
    });
    return {};
  }

  const std::string model_;
  const bool base64_;
  CollectedItems collected_;
};

Result<Call> parse_embeddings(Asked asked) {
  ACCEL_ASSIGN(EmbeddingsBody body, read_body(asked.body, asked.limits));
  const bool base64 = body.encoding == "base64";
  auto formatter = std::make_unique<EmbeddingsFormatter>(body.model, body.items.size(), base64);
  service::RunItems run{.model = std::move(body.model),
                        .items = std::move(body.items),
                        .how = {.task = "sentence-embedding"}};
  run.how.options.dimensions = body.dimensions;
  run.how.options.prompt = body.prompt;
  return Call{std::move(run), std::move(formatter)};
}

constexpr std::string_view kOperation = R"({
  "requestBody": {"required": true, "content": {"application/json": {
    "example": {"model": "default", "input": ["a text", "another"]},
    "schema": {
    "type": "object", "required": ["model", "input"], "properties": {
      "model": {"type": "string", "minLength": 1},
      "input": {"description": "A text, its tokens' ids, or an array of either.", "oneOf": [
        {"type": "string"},
        {"type": "array", "minItems": 1, "items": {
          "type": "integer", "minimum": 0, "maximum": 2147483647}},
        {"type": "array", "minItems": 1, "items": {"oneOf": [
          {"type": "string"},
          {"type": "array", "minItems": 1, "items": {
            "type": "integer", "minimum": 0, "maximum": 2147483647}}]}}]},
      "dimensions": {"type": ["integer", "null"], "minimum": 1, "maximum": 9223372036854775807,
        "description": "Only so many numbers, brought back to unit length."},
      "encoding_format": {"type": ["string", "null"], "enum": ["float", "base64", null]},
      "prompt_name": {"type": ["string", "null"],
        "description": "A prompt of the model's folder that goes before each text."},
      "user": {"type": ["string", "null"]}}}}}},
  "responses": {"200": {"description": "The embeddings, in the order of the inputs.",
    "content": {"application/json": {"schema": {
      "type": "object", "required": ["object", "data", "model", "usage"], "properties": {
        "object": {"const": "list"},
        "data": {"type": "array", "items": {
          "type": "object", "required": ["object", "index", "embedding"], "properties": {
            "object": {"const": "embedding"}, "index": {"type": "integer"},
            "embedding": {"oneOf": [{"type": "string"},
              {"type": "array", "items": {"type": "number"}}]}}}},
        "model": {"type": "string"},
        "usage": {"type": "object", "required": ["prompt_tokens", "total_tokens"], "properties": {
          "prompt_tokens": {"type": "integer"}, "total_tokens": {"type": "integer"}}}}}}}}}
})";

}  // namespace

Endpoint openai_embeddings_endpoint() {
  return {.method = "POST",
          .path = "/v1/embeddings",
          .scope = Scope::kInfer,
          .errors = ErrorShape::kOpenAi,
          .summary = "Texts to embeddings (OpenAI)",
          .operation = kOperation,
          .parse = parse_embeddings};
}

}  // namespace accel::server
