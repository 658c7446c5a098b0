// POST /predict, as Text Embeddings Inference has it: texts, or pairs of texts, to labels.
#include <fmt/format.h>

#include <cmath>

#include "base/try.h"
#include "server/endpoints.h"
#include "server/given_texts.h"
#include "server/tei/tei_call.h"

namespace accel::server {
namespace {

constexpr std::string_view kPredictInputs =
    "inputs: expected a text, a pair of texts, or an array of arrays of one or two texts";

struct PredictInputs {
  std::vector<TaskInput> items;
  bool several = false;  // arrays within an array
};

// `texts` are one or two.
TaskInput item_of_pair(std::vector<std::string> texts) {
  TaskInput item{.text = std::move(texts[0])};
  if (texts.size() == 2) item.second_text = std::move(texts[1]);
  return item;
}

// The first element says what the array is: a pair, or several inputs.
Status read_predict_inputs(JsonValue& value, const RequestLimits& limits, PredictInputs& inputs) {
  inputs = {};
  std::vector<std::string> pair;
  if (value.kind() == JsonKind::kString) {
    ACCEL_TRY(value.read(pair.emplace_back()));
  } else if (value.kind() != JsonKind::kArray) {
    return invalid_argument(fmt::format("{}, found {}", kPredictInputs, to_string(value.kind())));
  } else {
    ACCEL_TRY(value.elements([&](JsonValue& element) -> Status {
      if (element.kind() == JsonKind::kString && !inputs.several && pair.size() < 2) {
        return element.read(pair.emplace_back());
      }
      if (element.kind() != JsonKind::kArray || !pair.empty()) {
        return invalid_argument(fmt::format("{}, found another array", kPredictInputs));
      }
      if (inputs.items.size() >= limits.items_max) return too_many("inputs", limits);
      inputs.several = true;
      std::vector<std::string> texts;
      ACCEL_TRY(element.read(texts));
      if (texts.empty() || texts.size() > 2) {
        return invalid_argument(fmt::format("{}, found one of {}", kPredictInputs, texts.size()));
      }
      inputs.items.push_back(item_of_pair(std::move(texts)));
      return {};
    }));
  }
  if (!pair.empty()) inputs.items.push_back(item_of_pair(std::move(pair)));
  return {};
}

Status write_labels(const CollectedItems& items, size_t item, JsonWriter& json) {
  ACCEL_ASSIGN(const Labels* labels, items.answer<Labels>(item));
  for (const LabelScore& label : *labels) {
    if (std::isnan(label.score)) return internal_error("score is NaN");
  }
  json.array([&] {
    for (const LabelScore& label : *labels) {
      json.object([&] {
        json.member("score", static_cast<float>(label.score));
        json.member("label", label.label);
      });
    }
  });
  return {};
}

Result<Call> parse_tei_predict(Asked asked) {
  TeiRequest request;
  PredictInputs inputs;
  std::optional<bool> raw_scores;
  ACCEL_TRY(read_json(asked.body, [&](JsonValue& root) {
    return root.members([&](std::string_view name, JsonValue& value) -> Status {
      if (name == "inputs") return read_predict_inputs(value, asked.limits, inputs);
      if (name == "raw_scores") return value.read(raw_scores);
      return read_tei_member(name, value, request);
    });
  }));
  if (inputs.items.empty()) return invalid_argument("inputs: expected a text, found none");
  service::RunItems run{.items = std::move(inputs.items), .how = {.task = "text-classification"}};
  run.how.options.top_k = 0;  // all
  if (raw_scores.value_or(false)) run.how.options.function = "none";
  return make_tei_call(std::move(request), std::move(run), write_labels,
                       inputs.several ? TeiAnswer::kArray : TeiAnswer::kAlone);
}

constexpr std::string_view kTeiPredictOperation = R"({
  "requestBody": {"required": true, "content": {"application/json": {"schema": {
    "type": "object", "required": ["inputs"], "properties": {
      "inputs": {"description": "A text, a pair of texts, or several of either.", "oneOf": [
        {"type": "string"},
        {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "string"}},
        {"type": "array", "minItems": 1, "items": {
          "type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "string"}}}]},
      "raw_scores": {"type": ["boolean", "null"], "default": false,
        "description": "Logits; else as config.json says, a softmax, of one label a sigmoid."},
      "truncate": {"type": ["boolean", "null"], "default": false,
        "description": "A text that is too long is cut; else it is refused."},
      "truncation_direction": {"enum": ["Right", "right", null], "default": "Right",
        "description": "Where a text is cut: at its end; \"Left\" is refused."},
      "model": {"type": ["string", "null"], "default": "default",
        "description": "Of several models, one's name; the reference serves one."}}}}}},
  "responses": {
    "200": {"description": "All labels, the best first; of several inputs an array of these.",
      "content": {"application/json": {"schema": {"oneOf": [
        {"type": "array", "items": {
          "type": "object", "required": ["score", "label"], "properties": {
            "score": {"type": "number"}, "label": {"type": "string"}}}},
        {"type": "array", "items": {"type": "array", "items": {
          "type": "object", "required": ["score", "label"], "properties": {
            "score": {"type": "number"}, "label": {"type": "string"}}}}}]}}}},
    "413": {"description": "A text is too long, and must not be cut.",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/TypedError"}}}}}
})";

}  // namespace

Endpoint tei_predict_endpoint() {
  return {.method = "POST",
          .path = "/predict",
          .errors = ErrorShape::kTei,
          .summary = "Texts to labels (Text Embeddings Inference)",
          .operation = kTeiPredictOperation,
          .parse = parse_tei_predict};
}

}  // namespace accel::server
