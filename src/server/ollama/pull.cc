// POST /api/pull, as Ollama has it: a model of a hub among those that are served. Its answer is a
// line of JSON for each step.
#include <fmt/format.h>

#include <optional>
#include <utility>

#include "base/try.h"
#include "server/endpoints.h"
#include "server/errors.h"
#include "server/json/json_reader.h"
#include "server/json/json_writer.h"
#include "server/ollama/ollama_models.h"

namespace accel::server {
namespace {

constexpr size_t kSha256Digits = 64;
constexpr size_t kShortDigits = 12;  // of a digest in a status

std::string status_line(std::string_view status) {
  std::string line;
  JsonWriter json(line);
  json.object([&] { json.member("status", status); });
  return line;
}

std::string file_line(const service::PullStep& step) {
  const bool sha256 = step.hash.size() == kSha256Digits;
  std::string line;
  JsonWriter json(line);
  json.object([&] {
    json.member("status", "pulling " + step.hash.substr(0, kShortDigits));
    json.member("digest", (sha256 ? "sha256:" : "sha1:") + step.hash);
    json.member("total", step.bytes_total);
    json.member("completed", step.bytes);
  });
  return line;
}

std::string step_line(const service::PullStep& step) {
  switch (step.stage) {
    case service::PullStage::kListing: return status_line("pulling manifest");
    case service::PullStage::kFile: return file_line(step);
    case service::PullStage::kVerified: return status_line("verifying sha256 digest");
    case service::PullStage::kAdding: return status_line("writing manifest");
  }
  return {};
}

class PullFormatter : public Formatter {
 public:
  explicit PullFormatter(bool streams) : streams_(streams) {}

  std::optional<http::ResponseHead> streams() override {
    if (!streams_) return std::nullopt;
    return http::ResponseHead{.headers = {{"content-type", "application/x-ndjson"}}};
  }

  Status take(service::Event event, std::string& body) override {
    if (std::holds_alternative<service::Done>(event)) return {};
    const auto* step = std::get_if<service::PullStep>(&event);
    if (step == nullptr) return internal_error("expected a step of a pull, found another event");
    if (streams_) body += step_line(*step) + "\n";
    return {};
  }

  Result<http::Response> finish() override {
    std::string body = status_line("success");
    if (streams_) return http::Response{.body = std::move(body) + "\n"};
    return json_response(std::move(body));
  }

  std::string broken_off(const Status& status) override {
    const int code = http_status(ErrorShape::kOllama, status.code());
    return error_body(ErrorShape::kOllama, code, status.code(), status.message()) + "\n";
  }

 private:
  const bool streams_;
};

Result<Call> parse_ollama_pull(Asked asked) {
  std::string model;
  std::string older;
  std::optional<bool> stream;
  ACCEL_TRY(read_json(asked.body, [&](JsonValue& root) {
    return root.members([&](std::string_view name, JsonValue& value) -> Status {
      if (name == "model") return value.read(model);
      if (name == "name") return value.read(older);
      if (name == "stream") return value.read(stream);
      return value.skip();  // "insecure" and what is to come
    });
  }));
  std::string target = ollama_target(model.empty() ? older : model);
  if (target.empty()) return invalid_argument("model: expected a model's name, found none");
  return Call{service::Pull{std::move(target)},
              std::make_unique<PullFormatter>(stream.value_or(true))};
}

constexpr std::string_view kOllamaPullOperation = R"({
  "requestBody": {"required": true, "content": {"application/json": {
    "example": {"model": "sentence-transformers/all-MiniLM-L6-v2"},
    "schema": {
    "type": "object", "properties": {
      "model": {"type": "string",
        "description": "org/name or org/name@revision of the hub; \":latest\" is left out."},
      "name": {"type": "string", "description": "The same, as older clients say it."},
      "stream": {"type": ["boolean", "null"], "default": true,
        "description": "A line for each step; else one answer, at the end."},
      "insecure": {"description": "Has no effect: the hub is who runs the server's choice."}},
    "anyOf": [
      {"required": ["model"], "properties": {"model": {"minLength": 1}}},
      {"required": ["name"], "properties": {"name": {"minLength": 1}}}]}}}},
  "responses": {"200": {
    "description": "The model can be asked for; of a stream only if its last line says success.",
    "content": {
      "application/x-ndjson": {"schema": {"type": "string", "description":
        "Lines of JSON: a status, of a file with its digest, total and completed; or an error."}},
      "application/json": {"schema": {"type": "object", "required": ["status"],
        "properties": {"status": {"const": "success"}}}}}}}
})";

}  // namespace

Endpoint ollama_pull_endpoint() {
  return {.method = "POST",
          .path = "/api/pull",
          .scope = Scope::kAdmin,
          .errors = ErrorShape::kOllama,
          .summary = "Brings a model of a hub here and serves it, where that is allowed (Ollama)",
          .operation = kOllamaPullOperation,
          .parse = parse_ollama_pull};
}

}  // namespace accel::server
