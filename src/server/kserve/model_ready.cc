// GET /v2/models/{model}/ready: whether a model is loaded, without a body.
#include "server/endpoints.h"
#include "server/kserve/described_models.h"

namespace accel::server {
namespace kserve {
namespace {

// 400, as Triton answers.
Result<http::Response> write_ready(const service::ServedModel& model) {
  return http::Response{.status = model.state.state == ModelState::kLoaded ? 200 : 400};
}

Result<Call> parse_ready(Asked asked) {
  return describe_model(asked, /*facts=*/false, write_ready);
}

constexpr std::string_view kReadyOperation =
    R"({"responses": {"200": {"description": "The model is loaded."},
        "400": {"description": "It is not; who uses it loads it."}}})";

}  // namespace
}  // namespace kserve

Endpoint kserve_ready_endpoint(std::string_view path) {
  return {.method = "GET",
          .path = path,
          .errors = ErrorShape::kKserve,
          .summary = "Whether a model is loaded (KServe)",
          .operation = kserve::kReadyOperation,
          .parse = kserve::parse_ready};
}

}  // namespace accel::server
