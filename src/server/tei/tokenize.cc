// POST /tokenize, as Text Embeddings Inference has it: texts to tokens.
#include <utility>

#include "base/try.h"
#include "server/endpoints.h"
#include "server/given_texts.h"
#include "server/json/json_writer.h"
#include "server/tei/tei_call.h"

namespace accel::server {
namespace {

// Where each code point of valid UTF-8 begins, and the end.
std::vector<size_t> code_point_places(std::string_view text) {
  std::vector<size_t> places;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) places.push_back(i);
  }
  places.push_back(text.size());
  return places;
}

class TokenizeFormatter : public Formatter {
 public:
  explicit TokenizeFormatter(std::vector<std::string> texts) : texts_(std::move(texts)) {}

  Status take(service::Event event, std::string&) override {
    auto* answer = std::get_if<service::TokenizedTexts>(&event);
    if (answer == nullptr || answer->texts.size() != texts_.size()) {
      return internal_error("expected the tokens of each text, found another event");
    }
    tokens_ = std::move(answer->texts);
    return {};
  }

  Result<http::Response> finish() override {
    std::string body;
    JsonWriter json(body);
    json.array([&] {
      for (size_t i = 0; i < tokens_.size(); ++i) write(texts_[i], tokens_[i], json);
    });
    return json_response(std::move(body));
  }

 private:
  static void write(std::string_view text, const std::vector<TextToken>& tokens, JsonWriter& json) {
    const std::vector<size_t> places = code_point_places(text);
    json.array([&] {
      for (const TextToken& token : tokens) {
        const size_t begin = std::min<size_t>(token.begin, places.size() - 1);
        const size_t end = std::clamp<size_t>(token.end, begin, places.size() - 1);
        json.object([&] {
          json.member("id", token.id);
          // As the text has it; what was added stands in the vocabulary alone.
          json.member("text", token.special
                                  ? std::string_view(token.text)
                                  : text.substr(places[begin], places[end] - places[begin]));
          json.member("special", token.special);
          write_place("start", token.special, begin, json);
          write_place("stop", token.special, end, json);
        });
      }
    });
  }

  static void write_place(std::string_view name, bool special, size_t place, JsonWriter& json) {
    if (!special) return json.member(name, place);
    json.name(name);
    json.null();
  }

  const std::vector<std::string> texts_;
  std::vector<std::vector<TextToken>> tokens_;
};

Result<Call> parse_tei_tokenize(Asked asked) {
  TeiRequest request;
  std::vector<std::string> texts;
  std::optional<bool> special_tokens;
  std::optional<std::string> prompt;
  ACCEL_TRY(read_json(asked.body, [&](JsonValue& root) {
    return root.members([&](std::string_view name, JsonValue& value) -> Status {
      if (name == "inputs") return read_texts(value, name, asked.limits, texts);
      if (name == "add_special_tokens") return value.read(special_tokens);
      if (name == "prompt_name") return value.read(prompt);
      return read_tei_member(name, value, request);
    });
  }));
  if (texts.empty()) return invalid_argument("inputs: expected a text, found none");
  if (prompt) {
    return invalid_argument(
        "prompt_name: expected none, for /tokenize takes texts as they are; put the prompt before "
        "each text");
  }
  auto formatter = std::make_unique<TokenizeFormatter>(texts);
  return Call{service::Tokenize{.model = std::move(request.model),
                                .texts = std::move(texts),
                                .special_tokens = special_tokens.value_or(true)},
              std::move(formatter)};
}

constexpr std::string_view kTeiTokenizeOperation = R"({
  "requestBody": {"required": true, "content": {"application/json": {"schema": {
    "type": "object", "required": ["inputs"], "properties": {
      "inputs": {"oneOf": [
        {"type": "string"},
        {"type": "array", "minItems": 1, "items": {"type": "string"}}]},
      "add_special_tokens": {"type": ["boolean", "null"], "default": true},
      "model": {"type": ["string", "null"], "default": "default",
        "description": "Of several models, one's name; the reference serves one."}}}}}},
  "responses": {"200": {
    "description": "Every token of each text, however long; places are code points of the text.",
    "content": {"application/json": {"schema": {
      "type": "array", "items": {"type": "array", "items": {
        "type": "object", "required": ["id", "text", "special", "start", "stop"], "properties": {
          "id": {"type": "integer"}, "text": {"type": "string"}, "special": {"type": "boolean"},
          "start": {"type": ["integer", "null"]}, "stop": {"type": ["integer", "null"]}}}}}}}}}
})";

}  // namespace

Endpoint tei_tokenize_endpoint() {
  return {.method = "POST",
          .path = "/tokenize",
          .errors = ErrorShape::kTei,
          .summary = "Texts to tokens (Text Embeddings Inference)",
          .operation = kTeiTokenizeOperation,
          .parse = parse_tei_tokenize};
}

}  // namespace accel::server
