// POST /v1/audio/transcriptions, as OpenAI's API has it: a recording to its words.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/try.h"
#include "server/collected_items.h"
#include "server/endpoints.h"
#include "server/inputs/input_url.h"
#include "server/json/json_writer.h"
#include "server/multipart.h"
#include "server/openai/subtitles.h"

namespace accel::server {
namespace {

constexpr size_t kShownFieldBytesMax = 64;  // of a wrong value, in its error

enum class TranscriptFormat : uint8_t { kJson, kText, kVerboseJson, kSubrip, kWebVtt };

constexpr std::array<std::pair<std::string_view, TranscriptFormat>, 5> kTranscriptFormats{{
    {"json", TranscriptFormat::kJson},
    {"text", TranscriptFormat::kText},
    {"srt", TranscriptFormat::kSubrip},
    {"verbose_json", TranscriptFormat::kVerboseJson},
    {"vtt", TranscriptFormat::kWebVtt},
}};

// What is asked for beside the recording.
struct TranscriptWish {
  std::string model;
  std::string language;
  TranscriptFormat format = TranscriptFormat::kJson;
  bool words = false;  // of verbose_json
  bool segments = false;

  bool needs_times() const {
    return format != TranscriptFormat::kJson && format != TranscriptFormat::kText;
  }
};

Status wrong_field(std::string_view name, std::string_view expected, std::string_view found) {
  return invalid_argument(fmt::format("{}: expected {}, found '{}'", name, expected,
                                      found.substr(0, kShownFieldBytesMax)));
}

Status read_format(std::string_view text, TranscriptFormat& format) {
  for (const auto& [name, value] : kTranscriptFormats) {
    if (name != text) continue;
    format = value;
    return {};
  }
  return wrong_field("response_format", "json, text, srt, verbose_json or vtt", text);
}

Status read_granularity(std::string_view text, TranscriptWish& wish) {
  wish.words = wish.words || text == "word";
  wish.segments = wish.segments || text == "segment";
  if (text == "word" || text == "segment") return {};
  return wrong_field("timestamp_granularities[]", "word or segment", text);
}

// Without effect on a model that does not sample; but a number.
Status check_temperature(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value >= 0 && value <= 1) {
    return {};
  }
  return wrong_field("temperature", "a number from 0 to 1", text);
}

Status read_field(const FormPart& part, TranscriptWish& wish) {
  if (part.name == "model") wish.model = part.content;
  if (part.name == "language") wish.language = part.content;
  if (part.name == "response_format") return read_format(part.content, wish.format);
  if (part.name == "timestamp_granularities[]") return read_granularity(part.content, wish);
  if (part.name == "temperature") return check_temperature(part.content);
  return {};  // "prompt", "stream" and what is to come
}

double to_ms(double seconds) { return std::round(seconds * 1000) / 1000; }

class TranscriptionFormatter : public Formatter {
 public:
  explicit TranscriptionFormatter(TranscriptWish wish) : wish_(std::move(wish)) {}

  Status take(service::Event event, std::string&) override {
    return collected_.take(std::move(event));
  }

  Result<http::Response> finish() override {
    ACCEL_ASSIGN(const Transcript* transcript, collected_.answer<Transcript>(0));
    if (wish_.needs_times() && !transcript->chunks) {
      return internal_error("expected a transcript with the times of its words, found one without");
    }
    switch (wish_.format) {
      case TranscriptFormat::kJson: return json_of(*transcript);
      case TranscriptFormat::kVerboseJson: return verbose_json_of(*transcript);
      case TranscriptFormat::kText: return text_of(transcript->text + "\n", "plain");
      case TranscriptFormat::kSubrip:
        return text_of(subrip_of(cues_of(*transcript->chunks)), "plain");
      case TranscriptFormat::kWebVtt:
        return text_of(web_vtt_of(cues_of(*transcript->chunks)), "vtt");
    }
    return internal_error("expected a form of a transcript, found none");
  }

 private:
  static http::Response text_of(std::string body, std::string_view kind) {
    return {.headers = {{"content-type", fmt::format("text/{}; charset=utf-8", kind)}},
            .body = std::move(body)};
  }

  static http::Response json_of(const Transcript& transcript) {
    std::string body;
    JsonWriter json(body);
    json.object([&] { json.member("text", transcript.text); });
    return json_response(std::move(body));
  }

  http::Response verbose_json_of(const Transcript& transcript) const {
    std::string body;
    JsonWriter json(body);
    json.object([&] {
      json.member("task", "transcribe");
      json.member("language", wish_.language);
      json.member("text", transcript.text);
      if (wish_.words) write_words(*transcript.chunks, json);
      if (wish_.segments || !wish_.words) write_segments(cues_of(*transcript.chunks), json);
    });
    return json_response(std::move(body));
  }

  static void write_words(const std::vector<TranscriptChunk>& words, JsonWriter& json) {
    json.name("words");
    json.array([&] {
      for (const TranscriptChunk& word : words) {
        json.object([&] {
          json.member("word", word.text);
          json.member("start", to_ms(word.begin));
          json.member("end", to_ms(word.end));
        });
      }
    });
  }

  static void write_segments(const std::vector<Cue>& cues, JsonWriter& json) {
    json.name("segments");
    json.array([&] {
      for (size_t i = 0; i < cues.size(); ++i) {
        json.object([&] {
          json.member("id", i);
          json.member("start", to_ms(cues[i].begin));
          json.member("end", to_ms(cues[i].end));
          json.member("text", cues[i].text);
        });
      }
    });
  }

  const TranscriptWish wish_;
  CollectedItems collected_{1};
};

Status no_recording() { return invalid_argument("file: expected a recording, found none"); }

Result<Call> parse_transcription(Asked asked) {
  ACCEL_ASSIGN(const std::string boundary,
               form_boundary(http::find(asked.head.headers, "content-type")));
  ACCEL_ASSIGN(const std::vector<FormPart> parts, parse_form(asked.body, boundary));
  TranscriptWish wish;
  std::string_view file;
  for (const FormPart& part : parts) {
    const bool by_url = part.name == "url" || part.name == "file_url";
    if (part.name != "file" && !by_url) {
      ACCEL_TRY(read_field(part, wish));
      continue;
    }
    if (!file.empty()) return invalid_argument("file: expected one recording, found two");
    if (part.content.empty() && !by_url) return no_recording();
    if (by_url != (scheme_of(part.content) != InputScheme::kNone)) {
      return invalid_argument(
          by_url ? "url: expected a URL of http, https, data or file, found another text"
                 : "file: expected a recording, found a URL; a URL is sent as `url`");
    }
    file = part.content;
  }
  if (wish.model.empty()) return invalid_argument("model: expected a model's name, found none");
  if (file.empty()) return no_recording();
  // The body becomes the file: its bytes are moved once, and not copied.
  const auto begin = static_cast<size_t>(file.data() - asked.body.data());
  asked.body.resize(begin + file.size());
  asked.body.erase(0, begin);
  service::RunItems run{.model = wish.model,
                        .items = {{.media = std::move(asked.body)}},
                        .how = {.task = "automatic-speech-recognition"}};
  if (wish.needs_times()) run.how.options.timestamps = "word";
  return Call{std::move(run), std::make_unique<TranscriptionFormatter>(std::move(wish))};
}

constexpr std::string_view kTranscriptionOperation = R"({
  "requestBody": {"required": true, "content": {"multipart/form-data": {"schema": {
    "type": "object", "required": ["model"],
    "oneOf": [{"required": ["file"]}, {"required": ["url"]}, {"required": ["file_url"]}],
    "properties": {
      "file": {"type": "string", "format": "binary", "minLength": 1,
        "description": "A recording: WAV, FLAC, Ogg or MP3."},
      "url": {"type": "string", "minLength": 1,
        "description": "Or its URL, as Groq has it: data:, and what the server allows."},
      "file_url": {"type": "string", "minLength": 1,
        "description": "The same, as Mistral has it."},
      "model": {"type": "string", "minLength": 1},
      "response_format": {"enum": ["json", "text", "srt", "verbose_json", "vtt"],
        "default": "json"},
      "timestamp_granularities[]": {"description": "Of verbose_json; it may occur twice.",
        "type": "array", "items": {"enum": ["word", "segment"]}, "default": ["segment"]},
      "temperature": {"type": "number", "minimum": 0, "maximum": 1,
        "description": "Has no effect: the likeliest letters are taken, which is 0."},
      "language": {"type": "string",
        "description": "Has no effect but to come back: a model knows its own language."},
      "prompt": {"type": "string", "description": "Has no effect on a model of letters."},
      "stream": {"description": "Has no effect: the answer comes whole."}}}}}},
  "responses": {
    "424": {"description": "What a URL names could not be fetched.",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/OpenAiError"}}}},
    "200": {"description": "What was said.",
    "content": {
      "application/json": {"schema": {
        "type": "object", "required": ["text"], "properties": {
          "text": {"type": "string"},
          "task": {"const": "transcribe"},
          "language": {"type": "string", "description": "As it was asked for, or empty."},
          "words": {"type": "array", "items": {
            "type": "object", "required": ["word", "start", "end"], "properties": {
              "word": {"type": "string"}, "start": {"type": "number"},
              "end": {"type": "number"}}}},
          "segments": {"type": "array", "items": {
            "type": "object", "required": ["id", "start", "end", "text"], "properties": {
              "id": {"type": "integer"}, "start": {"type": "number"},
              "end": {"type": "number"}, "text": {"type": "string"}}}}}}},
      "text/plain": {"schema": {"type": "string"}},
      "text/vtt": {"schema": {"type": "string"}}}}}
})";

}  // namespace

Endpoint openai_transcriptions_endpoint() {
  return {.method = "POST",
          .path = "/v1/audio/transcriptions",
          .summary = "A recording to its words (OpenAI)",
          .operation = kTranscriptionOperation,
          .parse = parse_transcription};
}

}  // namespace accel::server
