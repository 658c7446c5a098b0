// GET /api/ps, as Ollama has it: the models that are loaded.
#include <algorithm>
#include <utility>

#include "base/try.h"
#include "server/collected_models.h"
#include "server/endpoints.h"
#include "server/json/json_writer.h"
#include "server/ollama/ollama_models.h"

namespace accel::server {
namespace {

// Until when a model stays is not known, and may be for ever: what Ollama writes then.
constexpr std::string_view kForEver = "2318-01-01T00:00:00Z";

// The part of a model's memory that is not the processor's own: that of its instances elsewhere.
uint64_t device_bytes(const service::ServedModel& model) {
  if (!model.statistics || model.statistics->shares.empty()) return 0;
  const auto& shares = model.statistics->shares;
  const auto elsewhere = static_cast<uint64_t>(std::ranges::count_if(
      shares, [](const auto& share) { return !share.device.starts_with("CPU"); }));
  return model.state.memory_bytes / shares.size() * elsewhere;
}

class PsFormatter : public ModelsFormatter {
 public:
  Result<http::Response> finish() override {
    const std::vector<std::vector<std::string>> names = ollama_names(models_);
    std::string body;
    JsonWriter json(body);
    json.object([&] {
      json.name("models");
      json.array([&] {
        for (size_t i = 0; i < names.size(); ++i) {
          const service::ServedModel& model = models_.models[i];
          if (model.state.state == ModelState::kLoaded) write(names[i][0], model, json);
        }
      });
    });
    return json_response(std::move(body));
  }

 private:
  static void write(const std::string& name, const service::ServedModel& model, JsonWriter& json) {
    json.object([&] {
      json.member("name", name);
      json.member("model", name);
      json.member("size", model.state.memory_bytes);
      json.member("digest", kOllamaDigest);
      json.name("details");
      write_ollama_details(model, json);
      json.member("expires_at", kForEver);
      json.member("size_vram", device_bytes(model));
      json.member("context_length", model.facts ? model.facts->max_tokens : 0);
    });
  }
};

Result<Call> parse_ollama_ps(Asked) {
  return Call{service::Describe{.facts = true}, std::make_unique<PsFormatter>()};
}

constexpr std::string_view kOllamaPsOperation = R"({
  "responses": {"200": {"description": "The models that are loaded.",
    "content": {"application/json": {"schema": {
      "type": "object", "required": ["models"], "properties": {
        "models": {"type": "array", "items": {
          "type": "object", "required": ["name", "model", "size"], "properties": {
            "name": {"type": "string"}, "model": {"type": "string"},
            "size": {"type": "integer", "description": "Bytes of memory, of the weights."},
            "size_vram": {"type": "integer",
              "description": "Those on devices other than the processor."},
            "digest": {"type": "string", "description": "Zeros: not known."},
            "details": {"type": "object"},
            "expires_at": {"type": "string",
              "description": "Far away: until when a model stays is not known."},
            "context_length": {"type": "integer", "description": "Tokens."}}}}}}}}}}
})";

}  // namespace

Endpoint ollama_ps_endpoint() {
  return {.method = "GET",
          .path = "/api/ps",
          .errors = ErrorShape::kOllama,
          .summary = "The models that are loaded (Ollama)",
          .operation = kOllamaPsOperation,
          .parse = parse_ollama_ps};
}

}  // namespace accel::server
