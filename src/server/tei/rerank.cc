// POST /rerank, as Text Embeddings Inference has it: texts by how well they answer a query.
#include <cmath>

#include "base/try.h"
#include "server/endpoints.h"
#include "server/given_texts.h"
#include "server/tei/tei_call.h"

namespace accel::server {
namespace {

Status write_ranks(const Ranking& ranking, bool with_text, JsonWriter& json) {
  for (const RankedDocument& rank : ranking) {
    if (std::isnan(rank.score)) return internal_error("score is NaN");
  }
  json.array([&] {
    for (const RankedDocument& rank : ranking) {
      json.object([&] {
        json.member("index", rank.index);
        if (with_text) json.member("text", rank.text);
        json.member("score", static_cast<float>(rank.score));
      });
    }
  });
  return {};
}

Result<Call> parse_tei_rerank(Asked asked) {
  TeiRequest request;
  std::optional<std::string> query;
  std::optional<bool> raw_scores;
  std::optional<bool> return_text;
  TaskInput item;
  ACCEL_TRY(read_json(asked.body, [&](JsonValue& root) {
    return root.members([&](std::string_view name, JsonValue& value) -> Status {
      if (name == "query") return value.read(query);
      if (name == "texts") return read_text_array(value, name, asked.limits, item.choices);
      if (name == "raw_scores") return value.read(raw_scores);
      if (name == "return_text") return value.read(return_text);
      return read_tei_member(name, value, request);
    });
  }));
  if (!query) return invalid_argument("query: expected a text, found none");
  if (item.choices.empty()) return invalid_argument("texts: expected a text, found none");
  item.text = std::move(*query);
  service::RunItems run{.items = {std::move(item)}, .how = {.task = "text-ranking"}};
  run.how.options.function = raw_scores.value_or(false) ? "none" : "sigmoid";
  const bool with_text = return_text.value_or(false);
  return make_tei_call(
      std::move(request), std::move(run),
      [with_text](const CollectedItems& items, size_t place, JsonWriter& json) -> Status {
        ACCEL_ASSIGN(const Ranking* ranking, items.answer<Ranking>(place));
        return write_ranks(*ranking, with_text, json);
      },
      TeiAnswer::kAlone);
}

constexpr std::string_view kTeiRerankOperation = R"({
  "requestBody": {"required": true, "content": {"application/json": {"schema": {
    "type": "object", "required": ["query", "texts"], "properties": {
      "query": {"type": "string"},
      "texts": {"type": "array", "minItems": 1, "items": {"type": "string"}},
      "raw_scores": {"type": ["boolean", "null"], "default": false,
        "description": "Logits; else their sigmoid."},
      "return_text": {"type": ["boolean", "null"], "default": false},
      "truncate": {"type": ["boolean", "null"], "default": false,
        "description": "A text that is too long is cut; else it is refused."},
      "truncation_direction": {"enum": ["Right", "right", null], "default": "Right",
        "description": "Where a text is cut: at its end; \"Left\" is refused."},
      "model": {"type": ["string", "null"], "default": "default",
        "description": "Of several models, one's name; the reference serves one."}}}}}},
  "responses": {
    "200": {"description": "All texts, the best first.",
      "content": {"application/json": {"schema": {"type": "array", "items": {
        "type": "object", "required": ["index", "score"], "properties": {
          "index": {"type": "integer", "description": "In the texts of the request."},
          "text": {"type": "string"}, "score": {"type": "number"}}}}}}},
    "413": {"description": "A text is too long, and must not be cut.",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/TypedError"}}}}}
})";

}  // namespace

Endpoint tei_rerank_endpoint() {
  return {.method = "POST",
          .path = "/rerank",
          .errors = ErrorShape::kTei,
          .summary = "Texts by how well they answer a query (Text Embeddings Inference)",
          .operation = kTeiRerankOperation,
          .parse = parse_tei_rerank};
}

}  // namespace accel::server
