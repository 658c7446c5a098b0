// POST /similarity, as Text Embeddings Inference has it: how alike sentences are to one.
#include "base/cosine.h"
#include "base/try.h"
#include "server/endpoints.h"
#include "server/given_texts.h"
#include "server/tei/tei_call.h"

namespace accel::server {
namespace {

struct SimilarityBody {
  TeiRequest request;
  std::optional<std::string> source;
  std::vector<std::string> sentences;
  std::optional<std::string> prompt;
};

Status read_sentences(JsonValue& value, const RequestLimits& limits, SimilarityBody& body) {
  return value.members([&](std::string_view name, JsonValue& member) -> Status {
    if (name == "source_sentence") return member.read(body.source);
    if (name != "sentences") return member.skip();
    return read_text_array(member, "inputs.sentences", limits, body.sentences);
  });
}

Status read_parameters(JsonValue& value, SimilarityBody& body) {
  if (value.kind() == JsonKind::kNull) return value.skip();
  return value.members([&](std::string_view name, JsonValue& member) -> Status {
    if (name == "prompt_name") return member.read(body.prompt);
    return read_tei_member(name, member, body.request);
  });
}

// Of each sentence; the first item is what they are compared with.
Status write_similarity(const CollectedItems& items, size_t item, JsonWriter& json) {
  if (item == 0) return {};
  ACCEL_ASSIGN(const std::span<const float> source, items.embedding(0));
  ACCEL_ASSIGN(const std::span<const float> sentence, items.embedding(item));
  if (source.size() != sentence.size()) {
    return internal_error("expected embeddings of one size, found two sizes");
  }
  json.value(static_cast<float>(cosine_similarity(source, sentence)));
  return {};
}

Result<Call> parse_tei_similarity(Asked asked) {
  SimilarityBody body;
  ACCEL_TRY(read_json(asked.body, [&](JsonValue& root) {
    return root.members([&](std::string_view name, JsonValue& value) -> Status {
      if (name == "inputs") return read_sentences(value, asked.limits, body);
      if (name == "parameters") return read_parameters(value, body);
      if (name == "model") return read_tei_member(name, value, body.request);
      return value.skip();
    });
  }));
  if (!body.source) return invalid_argument("inputs.source_sentence: expected a text, found none");
  if (body.sentences.empty()) {
    return invalid_argument("inputs.sentences: expected a text, found none");
  }
  if (body.sentences.size() >= asked.limits.items_max) {  // the other one counts as well
    return too_many("inputs.sentences, with source_sentence", asked.limits);
  }
  service::RunItems run{.items = items_of(std::move(body.sentences)),
                        .how = {.task = "sentence-embedding"}};
  run.items.insert(run.items.begin(), TaskInput{.text = std::move(*body.source)});
  run.how.options.prompt = std::move(body.prompt);
  return make_tei_call(std::move(body.request), std::move(run), write_similarity);
}

constexpr std::string_view kTeiSimilarityOperation = R"({
  "requestBody": {"required": true, "content": {"application/json": {"schema": {
    "type": "object", "required": ["inputs"], "properties": {
      "inputs": {"type": "object", "required": ["source_sentence", "sentences"], "properties": {
        "source_sentence": {"type": "string"},
        "sentences": {"type": "array", "minItems": 1, "items": {"type": "string"}}}},
      "parameters": {"type": ["object", "null"], "properties": {
        "truncate": {"type": ["boolean", "null"], "default": false,
          "description": "A text that is too long is cut; else it is refused."},
        "truncation_direction": {"enum": ["Right", "right", null], "default": "Right",
          "description": "Where a text is cut: at its end; \"Left\" is refused."},
        "prompt_name": {"type": ["string", "null"],
          "description": "A prompt of the model's folder that goes before each text."}}},
      "model": {"type": ["string", "null"], "default": "default",
        "description": "Of several models, one's name; the reference serves one."}}}}}},
  "responses": {
    "200": {"description": "The cosine of each sentence's embedding and the source's.",
      "content": {"application/json": {"schema": {
        "type": "array", "items": {"type": "number", "minimum": -1, "maximum": 1}}}}},
    "413": {"description": "A text is too long, and must not be cut.",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/TypedError"}}}}}
})";

}  // namespace

Endpoint tei_similarity_endpoint() {
  return {.method = "POST",
          .path = "/similarity",
          .errors = ErrorShape::kTei,
          .summary = "How alike sentences are to one (Text Embeddings Inference)",
          .operation = kTeiSimilarityOperation,
          .parse = parse_tei_similarity};
}

}  // namespace accel::server
