// POST /embed_sparse, as Text Embeddings Inference has it: texts to weights of words.
#include <algorithm>

#include "base/try.h"
#include "server/endpoints.h"
#include "server/given_texts.h"
#include "server/tei/tei_call.h"

namespace accel::server {
namespace {

// By token, as the reference has them; the task gives the heaviest first.
Status write_weights(const CollectedItems& items, size_t item, JsonWriter& json) {
  ACCEL_ASSIGN(const SparseEmbedding* answer, items.answer<SparseEmbedding>(item));
  SparseEmbedding words = *answer;
  std::ranges::sort(words, {}, &WordWeight::token);
  json.array([&] {
    for (const WordWeight& word : words) {
      json.object([&] {
        json.member("index", word.token);
        json.member("value", static_cast<float>(word.weight));
      });
    }
  });
  return {};
}

Result<Call> parse_tei_embed_sparse(Asked asked) {
  TeiRequest request;
  std::vector<std::string> texts;
  service::RunItems run{.how = {.task = "sparse-embedding"}};
  ACCEL_TRY(read_json(asked.body, [&](JsonValue& root) {
    return root.members([&](std::string_view name, JsonValue& value) -> Status {
      if (name == "inputs") return read_texts(value, name, asked.limits, texts);
      if (name == "prompt_name") return value.read(run.how.options.prompt);
      return read_tei_member(name, value, request);
    });
  }));
  if (texts.empty()) return invalid_argument("inputs: expected a text, found none");
  run.items = items_of(std::move(texts));
  return make_tei_call(std::move(request), std::move(run), write_weights);
}

constexpr std::string_view kTeiEmbedSparseOperation = R"({
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
      "prompt_name": {"type": ["string", "null"],
        "description": "A prompt of the model's folder that goes before each text."},
      "model": {"type": ["string", "null"], "default": "default",
        "description": "Of several models, one's name; the reference serves one."}}}}}},
  "responses": {
    "200": {"description": "For each text the tokens that weigh anything, by their ids.",
      "content": {"application/json": {"schema": {
        "type": "array", "items": {"type": "array", "items": {
          "type": "object", "required": ["index", "value"], "properties": {
            "index": {"type": "integer"}, "value": {"type": "number"}}}}}}}},
    "413": {"description": "A text is too long, and must not be cut.",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/TypedError"}}}}}
})";

}  // namespace

Endpoint tei_embed_sparse_endpoint() {
  return {.method = "POST",
          .path = "/embed_sparse",
          .errors = ErrorShape::kTei,
          .summary = "Texts to weights of words (Text Embeddings Inference)",
          .operation = kTeiEmbedSparseOperation,
          .parse = parse_tei_embed_sparse};
}

}  // namespace accel::server
