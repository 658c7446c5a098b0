// POST /decode, as Text Embeddings Inference has it: the ids of tokens to texts.
#include <utility>

#include "base/try.h"
#include "server/endpoints.h"
#include "server/given_texts.h"
#include "server/json/json_writer.h"
#include "server/tei/tei_call.h"

namespace accel::server {
namespace {

class DecodeFormatter : public Formatter {
 public:
  Status take(service::Event event, std::string&) override {
    auto* answer = std::get_if<service::DecodedTexts>(&event);
    if (answer == nullptr) return internal_error("expected texts, found another event");
    texts_ = std::move(answer->texts);
    return {};
  }

  Result<http::Response> finish() override {
    std::string body;
    JsonWriter(body).value(std::span<const std::string>(texts_));
    return json_response(std::move(body));
  }

 private:
  std::vector<std::string> texts_;
};

Result<Call> parse_tei_decode(Asked asked) {
  TeiRequest request;
  std::vector<std::vector<int32_t>> ids;
  std::optional<bool> skip_special_tokens;
  ACCEL_TRY(read_json(asked.body, [&](JsonValue& root) {
    return root.members([&](std::string_view name, JsonValue& value) -> Status {
      if (name == "ids") return read_ids(value, name, asked.limits, ids);
      if (name == "skip_special_tokens") return value.read(skip_special_tokens);
      return read_tei_member(name, value, request);
    });
  }));
  if (ids.empty()) return invalid_argument("ids: expected ids of tokens, found none");
  return Call{service::Decode{.model = std::move(request.model),
                              .ids = std::move(ids),
                              .skip_special_tokens = skip_special_tokens.value_or(true)},
              std::make_unique<DecodeFormatter>()};
}

constexpr std::string_view kTeiDecodeOperation = R"({
  "requestBody": {"required": true, "content": {"application/json": {"schema": {
    "type": "object", "required": ["ids"], "properties": {
      "ids": {"description": "The tokens of one text, or of several.", "oneOf": [
        {"type": "array", "minItems": 1, "items": {
          "type": "integer", "minimum": 0, "maximum": 2147483647}},
        {"type": "array", "minItems": 1, "items": {
          "type": "array", "items": {
            "type": "integer", "minimum": 0, "maximum": 2147483647}}}]},
      "skip_special_tokens": {"type": ["boolean", "null"], "default": true},
      "model": {"type": ["string", "null"], "default": "default",
        "description": "Of several models, one's name; the reference serves one."}}}}}},
  "responses": {"200": {"description": "The texts, in the order of the ids.",
    "content": {"application/json": {"schema": {
      "type": "array", "items": {"type": "string"}}}}}}
})";

}  // namespace

Endpoint tei_decode_endpoint() {
  return {.method = "POST",
          .path = "/decode",
          .errors = ErrorShape::kTei,
          .summary = "The ids of tokens to texts (Text Embeddings Inference)",
          .operation = kTeiDecodeOperation,
          .parse = parse_tei_decode};
}

}  // namespace accel::server
