// GET /info, as Text Embeddings Inference has it: the model, and what it takes.
#include <algorithm>
#include <array>
#include <utility>

#include "accel/engine.h"
#include "base/try.h"
#include "server/endpoints.h"
#include "server/http/target.h"
#include "server/json/json_writer.h"

namespace accel::server {
namespace {

// As the reference calls number types.
std::string_view tei_dtype(std::string_view dtype) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kNames{
      {{"f32", "float32"}, {"f16", "float16"}, {"bf16", "bfloat16"}}};
  for (const auto& [ours, theirs] : kNames) {
    if (dtype == ours) return theirs;
  }
  return dtype;
}

bool does(const ModelReport& facts, std::string_view task) {
  return std::ranges::find(facts.tasks, task) != facts.tasks.end();
}

// A classifier of a single label ranks.
bool is_reranker(const ModelReport& facts) {
  const auto logits = std::ranges::find(facts.outputs, "logits", &PortReport::name);
  return logits != facts.outputs.end() && !logits->shape.empty() && logits->shape.back() == 1;
}

class InfoFormatter : public Formatter {
 public:
  explicit InfoFormatter(uint64_t items_max) : items_max_(items_max) {}

  Status take(service::Event event, std::string&) override {
    auto* models = std::get_if<service::ServedModels>(&event);
    if (models == nullptr || models->models.size() != 1 || !models->models[0].facts) {
      return internal_error("expected a model with its facts, found another event");
    }
    model_ = std::move(models->models[0]);
    return {};
  }

  Result<http::Response> finish() override {
    std::string body;
    JsonWriter json(body);
    json.object([&] {
      json.member("model_id", model_.state.name);
      write_nulls({"model_sha"}, json);
      json.member("model_dtype", tei_dtype(model_.facts->weights_dtype));
      json.name("model_type");
      write_type(*model_.facts, json);
      json.member("max_input_length", model_.facts->max_tokens);
      json.member("max_client_batch_size", items_max_);
      json.member("auto_truncate", false);
      // What does not bound a request here.
      write_nulls({"max_concurrent_requests", "max_batch_tokens", "max_batch_requests",
                   "tokenization_workers"},
                  json);
      json.member("version", version());
      write_nulls({"sha", "docker_label"}, json);
    });
    return json_response(std::move(body));
  }

 private:
  static void write_nulls(std::initializer_list<std::string_view> names, JsonWriter& json) {
    for (const std::string_view name : names) {
      json.name(name);
      json.null();
    }
  }

  static void write_type(const ModelReport& facts, JsonWriter& json) {
    const bool sparse = does(facts, "sparse-embedding");
    const bool classifies = does(facts, "text-classification");
    if (!sparse && !classifies && facts.embedding_size == 0) return json.null();
    json.object([&] {
      if (classifies) {  // names of labels are not known here
        json.name(is_reranker(facts) ? "reranker" : "classifier");
        json.object([] {});
      } else {
        json.name("embedding");
        json.object([&] { json.member("pooling", sparse ? "splade" : facts.pooling); });
      }
    });
  }

  const uint64_t items_max_;
  service::ServedModel model_;
};

Result<Call> parse_tei_info(Asked asked) {
  ACCEL_ASSIGN(const auto query, http::parse_query(asked.head.query));
  std::string model = "default";
  for (const auto& [name, value] : query) {
    if (name == "model" && !value.empty()) model = value;
  }
  return Call{service::Describe{.model = std::move(model), .facts = true},
              std::make_unique<InfoFormatter>(asked.limits.items_max)};
}

constexpr std::string_view kTeiInfoOperation = R"({
  "parameters": [{"name": "model", "in": "query", "required": false,
    "description": "Of several models, one's name; the reference serves one.",
    "schema": {"type": "string", "default": "default"}}],
  "responses": {"200": {"description": "The model; null is what is not known or not bounded.",
    "content": {"application/json": {"schema": {
      "type": "object", "required": ["model_id", "model_dtype", "model_type", "max_input_length",
        "max_client_batch_size", "auto_truncate", "version"], "properties": {
        "model_id": {"type": "string"},
        "model_sha": {"type": "null"},
        "model_dtype": {"type": "string", "description": "Of its files."},
        "model_type": {"type": ["object", "null"], "properties": {
          "embedding": {"type": "object", "properties": {"pooling": {"type": "string"}}},
          "classifier": {"type": "object"}, "reranker": {"type": "object"}}},
        "max_input_length": {"type": "integer", "description": "Tokens, special ones included."},
        "max_client_batch_size": {"type": "integer", "description": "Inputs of a request."},
        "auto_truncate": {"const": false},
        "max_concurrent_requests": {"type": "null"},
        "max_batch_tokens": {"type": "null"},
        "max_batch_requests": {"type": "null"},
        "tokenization_workers": {"type": "null"},
        "version": {"type": "string", "description": "Of accel."},
        "sha": {"type": "null"},
        "docker_label": {"type": "null"}}}}}}}
})";

}  // namespace

Endpoint tei_info_endpoint() {
  return {.method = "GET",
          .path = "/info",
          .errors = ErrorShape::kTei,
          .summary = "The model, and what it takes (Text Embeddings Inference)",
          .operation = kTeiInfoOperation,
          .parse = parse_tei_info};
}

}  // namespace accel::server
