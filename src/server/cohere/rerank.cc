// POST /v1/rerank and /v2/rerank, as Cohere has them, and Jina the first: documents by how well
// they answer a query. An answer has what the clients of all three read.
#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "base/try.h"
#include "server/collected_items.h"
#include "server/endpoints.h"
#include "server/given_texts.h"
#include "server/json/json_reader.h"
#include "server/json/json_writer.h"

namespace accel::server {
namespace {

struct RerankBody {
  std::string model;
  std::optional<std::string> query;
  std::vector<std::string> documents;
  std::optional<int64_t> top_n;
  std::optional<bool> return_documents;
  std::optional<std::vector<std::string>> rank_fields;
};

// A text, or an object with one.
Status read_document(JsonValue& value, std::vector<std::string>& documents) {
  const size_t place = documents.size();
  if (value.kind() == JsonKind::kString) return value.read(documents.emplace_back());
  std::optional<std::string> text;
  if (value.kind() == JsonKind::kObject) {
    ACCEL_TRY(value.members([&](std::string_view name, JsonValue& member) -> Status {
      return name == "text" ? member.read(text) : member.skip();
    }));
  }
  if (!text) {
    return invalid_argument(
        fmt::format("documents[{}]: expected a text, or an object with a \"text\"", place));
  }
  documents.push_back(std::move(*text));
  return {};
}

Result<RerankBody> read_rerank_body(std::string& text, const RequestLimits& limits) {
  RerankBody body;
  ACCEL_TRY(read_json(text, [&](JsonValue& root) {
    return root.members([&](std::string_view name, JsonValue& value) -> Status {
      if (name == "model") return value.read(body.model);
      if (name == "query") return value.read(body.query);
      if (name == "documents") {
        body.documents.clear();
        return value.elements([&](JsonValue& element) -> Status {
          if (body.documents.size() >= limits.items_max) return too_many(name, limits);
          return read_document(element, body.documents);
        });
      }
      if (name == "top_n") return value.read(body.top_n);
      if (name == "return_documents") return value.read(body.return_documents);
      if (name == "rank_fields") return value.read(body.rank_fields);
      return value.skip();  // "max_tokens_per_doc", "priority" and what is to come
    });
  }));
  if (body.model.empty()) return invalid_argument("model: expected a model's name, found none");
  if (!body.query) return invalid_argument("query: expected a text, found none");
  if (body.documents.empty()) return invalid_argument("documents: expected a text, found none");
  if (body.top_n && *body.top_n < 1) {
    return invalid_argument(fmt::format("top_n: expected at least 1, found {}", *body.top_n));
  }
  if (body.rank_fields && *body.rank_fields != std::vector<std::string>{"text"}) {
    return invalid_argument(
        "rank_fields: expected [\"text\"], found others; put what counts into the text");
  }
  return body;
}

class RerankFormatter : public Formatter {
 public:
  RerankFormatter(std::string model, std::string_view version, bool with_documents)
      : model_(std::move(model)), version_(version), with_documents_(with_documents) {}

  Status take(service::Event event, std::string&) override {
    return collected_.take(std::move(event));
  }

  Result<http::Response> finish() override {
    ACCEL_ASSIGN(const Ranking* ranking, collected_.answer<Ranking>(0));
    for (const RankedDocument& rank : *ranking) {
      if (std::isnan(rank.score)) {
        return internal_error(fmt::format("documents[{}]: its score is NaN", rank.index));
      }
    }
    std::string body;
    JsonWriter json(body);
    json.object([&] {
      json.member("model", model_);
      json.name("results");
      json.array([&] {
        for (const RankedDocument& rank : *ranking) write(rank, json);
      });
      write_meta(json);
      json.name("usage");
      json.object([&] {
        json.member("prompt_tokens", collected_.tokens());
        json.member("total_tokens", collected_.tokens());
      });
    });
    return json_response(std::move(body));
  }

 private:
  void write(const RankedDocument& rank, JsonWriter& json) const {
    json.object([&] {
      json.member("index", rank.index);
      json.member("relevance_score", static_cast<float>(rank.score));
      if (!with_documents_) return;
      json.name("document");
      json.object([&] { json.member("text", rank.text); });
    });
  }

  void write_meta(JsonWriter& json) const {
    json.name("meta");
    json.object([&] {
      json.name("api_version");
      json.object([&] { json.member("version", version_); });
      json.name("tokens");
      json.object([&] { json.member("input_tokens", collected_.tokens()); });
    });
  }

  const std::string model_;
  const std::string_view version_;
  const bool with_documents_;
  CollectedItems collected_{1};
};

Result<Call> parse_rerank(Asked asked, std::string_view version) {
  ACCEL_ASSIGN(RerankBody body, read_rerank_body(asked.body, asked.limits));
  auto formatter =
      std::make_unique<RerankFormatter>(body.model, version, body.return_documents.value_or(false));
  service::RunItems run{
      .model = std::move(body.model),
      .items = {{.text = std::move(*body.query), .choices = std::move(body.documents)}},
      .how = {.task = "text-ranking"}};
  run.how.options.function = "sigmoid";
  run.how.options.top_k = body.top_n;
  return Call{std::move(run), std::move(formatter)};
}

Result<Call> parse_rerank_v1(Asked asked) { return parse_rerank(std::move(asked), "1"); }
Result<Call> parse_rerank_v2(Asked asked) { return parse_rerank(std::move(asked), "2"); }

constexpr std::string_view kRerankOperation = R"({
  "requestBody": {"required": true, "content": {"application/json": {"schema": {
    "type": "object", "required": ["model", "query", "documents"], "properties": {
      "model": {"type": "string", "minLength": 1},
      "query": {"type": "string"},
      "documents": {"type": "array", "minItems": 1,
        "description": "What is too long is cut at its end to what the model reads.",
        "items": {"oneOf": [
          {"type": "string"},
          {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}]}},
      "top_n": {"type": ["integer", "null"], "minimum": 1, "maximum": 9223372036854775807,
        "description": "Only so many, the best ones."},
      "return_documents": {"type": ["boolean", "null"], "default": false},
      "rank_fields": {"enum": [["text"], null], "description": "Others are refused."},
      "max_tokens_per_doc": {"description": "Has no effect."},
      "max_chunks_per_doc": {"description": "Has no effect."}}}}}},
  "responses": {"200": {"description": "The documents, the best first.",
    "content": {"application/json": {"schema": {
      "type": "object", "required": ["model", "results", "meta", "usage"], "properties": {
        "model": {"type": "string"},
        "results": {"type": "array", "items": {
          "type": "object", "required": ["index", "relevance_score"], "properties": {
            "index": {"type": "integer", "description": "In the documents of the request."},
            "relevance_score": {"type": "number", "minimum": 0, "maximum": 1},
            "document": {"type": "object", "required": ["text"], "properties": {
              "text": {"type": "string"}}}}}},
        "meta": {"type": "object", "properties": {
          "api_version": {"type": "object", "properties": {"version": {"type": "string"}}},
          "tokens": {"type": "object", "properties": {"input_tokens": {"type": "integer"}}}}},
        "usage": {"type": "object", "properties": {
          "prompt_tokens": {"type": "integer"}, "total_tokens": {"type": "integer"}}}}}}}}}
})";

}  // namespace

Endpoint cohere_rerank_v1_endpoint() {
  return {.method = "POST",
          .path = "/v1/rerank",
          .errors = ErrorShape::kCohere,
          .summary = "Documents by how well they answer a query (Cohere, Jina)",
          .operation = kRerankOperation,
          .parse = parse_rerank_v1};
}

Endpoint cohere_rerank_v2_endpoint() {
  return {.method = "POST",
          .path = "/v2/rerank",
          .errors = ErrorShape::kCohere,
          .summary = "Documents by how well they answer a query (Cohere)",
          .operation = kRerankOperation,
          .parse = parse_rerank_v2};
}

}  // namespace accel::server
