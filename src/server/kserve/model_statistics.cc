// GET /v2/models/stats and /v2/models/{model}/stats: what loaded models have done, in the form of
// Triton's statistics extension, which counts an inference for each row of a batch. What accel does
// not count is 0, as the form demands it: the time of the last inference, and all durations but
// those in the engine. Each inference has all stages: Triton's perf_analyzer tells by the queue's
// count which version answered it.
#include <cmath>

#include "base/try.h"
#include "server/endpoints.h"
#include "server/json/json_writer.h"
#include "server/kserve/described_models.h"

namespace accel::server {
namespace kserve {
namespace {

void write_duration(JsonWriter& json, std::string_view name, uint64_t count, double seconds = 0) {
  json.name(name);
  json.object([&] {
    json.member("count", count);
    json.member("ns", static_cast<uint64_t>(std::llround(seconds * 1e9)));
  });
}

void write_model_statistics(JsonWriter& json, const service::ServedModel& model) {
  const ModelStatistics& done = *model.statistics;
  double worked = 0;
  for (const ModelStatistics::Share& share : done.shares) worked += share.worked_seconds;
  json.object([&] {
    json.member("name", model.state.name);
    json.member("version", version_of(model));
    json.member("last_inference", 0);
    json.member("inference_count", done.rows);
    json.member("execution_count", done.batches);
    json.name("inference_stats");
    json.object([&] {
      write_duration(json, "success", done.rows);
      write_duration(json, "fail", done.failed + done.cancelled + done.late + done.refused);
      write_duration(json, "queue", done.rows);
      write_duration(json, "compute_input", done.rows);
      write_duration(json, "compute_infer", done.rows, worked);
      write_duration(json, "compute_output", done.rows);
      write_duration(json, "cache_hit", 0);
      write_duration(json, "cache_miss", 0);
    });
    json.name("batch_stats");
    json.array([] {});
  });
}

http::Response statistics_response(std::span<const service::ServedModel> models) {
  std::string body;
  JsonWriter json(body);
  json.object([&] {
    json.name("model_stats");
    json.array([&] {
      for (const service::ServedModel& model : models) {
        if (model.statistics) write_model_statistics(json, model);
      }
    });
  });
  return json_response(std::move(body));
}

Result<http::Response> write_all_statistics(const service::ServedModels& models) {
  return statistics_response(models.models);
}

Result<http::Response> write_statistics(const service::ServedModel& model) {
  if (!model.statistics) {
    return failed_precondition(model.state.name + ": not loaded, so there are no statistics");
  }
  return statistics_response({&model, 1});
}

Result<Call> parse_all_statistics(Asked) { return describe_models(write_all_statistics); }

Result<Call> parse_statistics(Asked asked) {
  return describe_model(asked, /*facts=*/false, write_statistics);
}

constexpr std::string_view kStatisticsOperation = R"({
  "responses": {"200": {"description": "What each loaded model has done since it was loaded.",
    "content": {"application/json": {"schema": {
      "type": "object", "required": ["model_stats"], "properties": {
        "model_stats": {"type": "array", "items": {
          "type": "object",
          "required": ["name", "version", "last_inference", "inference_count", "execution_count",
            "inference_stats", "batch_stats"],
          "properties": {
            "name": {"type": "string"}, "version": {"type": "string"},
            "last_inference": {"type": "integer"}, "inference_count": {"type": "integer"},
            "execution_count": {"type": "integer"},
            "inference_stats": {"type": "object", "additionalProperties": {
              "type": "object", "required": ["count", "ns"], "properties": {
                "count": {"type": "integer"}, "ns": {"type": "integer"}}}},
            "batch_stats": {"type": "array", "maxItems": 0}}}}}}}}}}
})";

}  // namespace
}  // namespace kserve

Endpoint kserve_all_statistics_endpoint() {
  return {.method = "GET",
          .path = "/v2/models/stats",
          .errors = ErrorShape::kKserve,
          .summary = "What the models have done (Triton)",
          .operation = kserve::kStatisticsOperation,
          .parse = kserve::parse_all_statistics};
}

Endpoint kserve_statistics_endpoint(std::string_view path) {
  return {.method = "GET",
          .path = path,
          .errors = ErrorShape::kKserve,
          .summary = "What a model has done (Triton)",
          .operation = kserve::kStatisticsOperation,
          .parse = kserve::parse_statistics};
}

}  // namespace accel::server
