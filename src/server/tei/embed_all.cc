// POST /embed_all, as Text Embeddings Inference has it: the model's states, one vector per token.
#include "base/try.h"
#include "server/endpoints.h"
#include "server/given_texts.h"
#include "server/tei/tei_call.h"

namespace accel::server {
namespace {

// [1, tokens, size] as [tokens, size].
Status write_token_vectors(const CollectedItems& items, size_t item, JsonWriter& json) {
  ACCEL_ASSIGN(const Features* features, items.answer<Features>(item));
  const Shape& shape = features->values.shape();
  if (shape.size() != 3 || shape[0] != 1) {
    return invalid_argument("expected a model of texts with a vector per token, found another");
  }
  json.tensor(features->values.reshaped({shape[1], shape[2]}));
  return {};
}

Result<Call> parse_tei_embed_all(Asked asked) {
  TeiRequest request;
  std::vector<std::string> texts;
  std::optional<std::string> prompt;
  ACCEL_TRY(read_json(asked.body, [&](JsonValue& root) {
    return root.members([&](std::string_view name, JsonValue& value) -> Status {
      if (name == "inputs") return read_texts(value, name, asked.limits, texts);
      if (name == "prompt_name") return value.read(prompt);
      return read_tei_member(name, value, request);
    });
  }));
  if (texts.empty()) return invalid_argument("inputs: expected a text, found none");
  if (prompt) {
    return invalid_argument(
        "prompt_name: expected none, for /embed_all takes texts as they are; put the prompt before "
        "each text");
  }
  service::RunItems run{.items = items_of(std::move(texts)), .how = {.task = "feature-extraction"}};
  return make_tei_call(std::move(request), std::move(run), write_token_vectors);
}

constexpr std::string_view kTeiEmbedAllOperation = R"({
  "requestBody": {"required": true, "content": {"application/json": {"schema": {
    "type": "object", "required": ["inputs"], "properties": {
      "inputs": {"description": "A text, or several; ids of tokens are taken by /embed only.",
        "oneOf": [
          {"type": "string"},
          {"type": "array", "minItems": 1, "items": {"type": "string"}}]},
      "truncate": {"type": ["boolean", "null"], "default": false,
        "description": "A text that is too long is cut; else it is refused."},
      "truncation_direction": {"enum": ["Right", "right", null], "default": "Right",
        "description": "Where a text is cut: at its end; \"Left\" is refused."},
      "model": {"type": ["string", "null"], "default": "default",
        "description": "Of several models, one's name; the reference serves one."}}}}}},
  "responses": {
    "200": {"description": "For each text a vector per token, special ones included.",
      "content": {"application/json": {"schema": {
        "type": "array", "items": {
          "type": "array", "items": {"type": "array", "items": {"type": "number"}}}}}}},
    "413": {"description": "A text is too long, and must not be cut.",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/TypedError"}}}}}
})";

}  // namespace

Endpoint tei_embed_all_endpoint() {
  return {.method = "POST",
          .path = "/embed_all",
          .errors = ErrorShape::kTei,
          .summary = "Texts to a vector per token (Text Embeddings Inference)",
          .operation = kTeiEmbedAllOperation,
          .parse = parse_tei_embed_all};
}

}  // namespace accel::server
