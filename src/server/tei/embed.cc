// POST /embed, as Text Embeddings Inference has it: texts, or their tokens, to embeddings.
#include <fmt/format.h>

#include <algorithm>

#include "base/try.h"
#include "server/endpoints.h"
#include "server/given_texts.h"
#include "server/tei/tei_call.h"

namespace accel::server {
namespace {

Status write_embedding(const CollectedItems& items, size_t item, JsonWriter& json) {
  ACCEL_ASSIGN(const std::span<const float> row, items.embedding(item));
  json.numbers(row);
  return {};
}

Result<Call> parse_tei_embed(Asked asked) {
  TeiRequest request;
  std::optional<bool> normalize;
  service::RunItems run{.how = {.task = "sentence-embedding"}};
  TaskOptions& options = run.how.options;
  ACCEL_TRY(read_json(asked.body, [&](JsonValue& root) {
    return root.members([&](std::string_view name, JsonValue& value) -> Status {
      if (name == "inputs") return read_texts_or_ids(value, name, asked.limits, run.items);
      if (name == "normalize") return value.read(normalize);
      if (name == "dimensions") return value.read(options.dimensions);
      if (name == "prompt_name") return value.read(options.prompt);
      return read_tei_member(name, value, request);
    });
  }));
  if (run.items.empty()) return invalid_argument("inputs: expected a text, found none");
  if (options.dimensions && *options.dimensions < 1) {
    return invalid_argument(
        fmt::format("dimensions: expected at least 1, found {}", *options.dimensions));
  }
  const bool has_ids =
      std::ranges::any_of(run.items, [](const TaskInput& item) { return item.tokens.has_value(); });
  if (has_ids && options.prompt) {
    return invalid_argument("prompt_name: expected texts beside it, found ids of tokens");
  }
  options.normalize = normalize.value_or(true);
  return make_tei_call(std::move(request), std::move(run), write_embedding);
}

constexpr std::string_view kTeiEmbedOperation = R"({
  "requestBody": {"required": true, "content": {"application/json": {
    "example": {"inputs": ["a text", "another"], "truncate": true},
    "schema": {
    "type": "object", "required": ["inputs"], "properties": {
      "inputs": {"description": "A text, its tokens' ids, or an array of either.", "oneOf": [
        {"type": "string"},
        {"type": "array", "minItems": 1, "items": {
          "type": "integer", "minimum": 0, "maximum": 2147483647}},
        {"type": "array", "minItems": 1, "items": {"oneOf": [
          {"type": "string"},
          {"type": "array", "minItems": 1, "items": {
            "type": "integer", "minimum": 0, "maximum": 2147483647}}]}}]},
      "normalize": {"type": ["boolean", "null"], "default": true,
        "description": "Brought to unit length."},
      "truncate": {"type": ["boolean", "null"], "default": false,
        "description": "A text that is too long is cut; else it is refused."},
      "truncation_direction": {"enum": ["Right", "right", null], "default": "Right",
        "description": "Where a text is cut: at its end; \"Left\" is refused."},
      "prompt_name": {"type": ["string", "null"],
        "description": "A prompt of the model's folder that goes before each text."},
      "dimensions": {"type": ["integer", "null"], "minimum": 1, "maximum": 9223372036854775807,
        "description": "Only so many numbers, brought back to unit length."},
      "model": {"type": ["string", "null"], "default": "default",
        "description": "Of several models, one's name; the reference serves one."}}}}}},
  "responses": {
    "200": {"description": "The embeddings, in the order of the inputs.",
      "content": {"application/json": {"schema": {
        "type": "array", "items": {"type": "array", "items": {"type": "number"}}}}}},
    "413": {"description": "A text is too long, and must not be cut.",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/TypedError"}}}}}
})";

}  // namespace

Endpoint tei_embed_endpoint() {
  return {.method = "POST",
          .path = "/embed",
          .errors = ErrorShape::kTei,
          .summary = "Texts to embeddings (Text Embeddings Inference)",
          .operation = kTeiEmbedOperation,
          .parse = parse_tei_embed};
}

}  // namespace accel::server
