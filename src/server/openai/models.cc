// GET /v1/models and /v1/models/{model}, as OpenAI's API has them.
#include "base/try.h"
#include "server/collected_models.h"
#include "server/endpoints.h"
#include "server/json/json_writer.h"

namespace accel::server {
namespace {

void write_model(JsonWriter& json, std::string_view name) {
  json.object([&] {
    json.member("id", name);
    json.member("object", "model");
    json.member("created", 0);  // when it was made is not known
    json.member("owned_by", "accel");
  });
}

class OpenAiModelsFormatter : public ModelsFormatter {
 public:
  // `alone`: the only model's name, as it was asked for; empty: a list.
  explicit OpenAiModelsFormatter(std::string alone) : alone_(std::move(alone)) {}

  Result<http::Response> finish() override {
    std::string body;
    JsonWriter json(body);
    if (!alone_.empty()) {
      write_model(json, alone_);
    } else {
      write_list(json);
    }
    return json_response(std::move(body));
  }

 private:
  // Each model once, under its name and its aliases.
  void write_list(JsonWriter& json) const {
    json.object([&] {
      json.member("object", "list");
      json.name("data");
      json.array([&] {
        std::string_view last;
        for (const service::ServedModel& model : models_.models) {
          if (model.state.name != last) write_model(json, model.state.name);
          last = model.state.name;
          for (const std::string& alias : model.aliases) write_model(json, alias);
        }
      });
    });
  }

  const std::string alone_;
};

Result<Call> parse_models(Asked) {
  return Call{service::Describe{}, std::make_unique<OpenAiModelsFormatter>("")};
}

Result<Call> parse_model(Asked asked) {
  const std::string& name = asked.captured[0];
  return Call{service::Describe{.model = name}, std::make_unique<OpenAiModelsFormatter>(name)};
}

constexpr std::string_view kListOperation = R"({
  "responses": {"200": {"description": "Every model, also under its other names.",
    "content": {"application/json": {"schema": {
      "type": "object", "required": ["object", "data"], "properties": {
        "object": {"const": "list"},
        "data": {"type": "array", "items": {
          "type": "object", "required": ["id", "object"], "properties": {
            "id": {"type": "string"}, "object": {"const": "model"},
            "created": {"type": "integer"}, "owned_by": {"type": "string"}}}}}}}}}}
})";

constexpr std::string_view kModelOperation = R"({
  "responses": {"200": {"description": "The model.",
    "content": {"application/json": {"schema": {
      "type": "object", "required": ["id", "object"], "properties": {
        "id": {"type": "string"}, "object": {"const": "model"},
        "created": {"type": "integer"}, "owned_by": {"type": "string"}}}}}}}
})";

}  // namespace

Endpoint openai_models_endpoint() {
  return {.method = "GET",
          .path = "/v1/models",
          .summary = "The models that are served (OpenAI)",
          .operation = kListOperation,
          .parse = parse_models};
}

Endpoint openai_model_endpoint() {
  return {.method = "GET",
          .path = "/v1/models/{model}",
          .summary = "Whether a model is served (OpenAI)",
          .operation = kModelOperation,
          .parse = parse_model};
}

}  // namespace accel::server
